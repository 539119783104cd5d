"""`augment`: views of random points through the usual augmentations of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import torch
from torch import Tensor
from torchvision.transforms import v2

import fpframe
from fpframe import Augmenter, Classifier, References
from fpframe.models import Pixels
from fpframe.parameters import number
from fpframe.rng import derive_seed, generator, isolated


@attrs.frozen(kw_only=True)
class Augment(Augmenter):
    """Draw the points of the first view at random; every further view is the same images cropped, flipped and noisy.

    Needs as many images as one view has points, whatever the number of views.

    Attributes:
        crop: least share of an image's area that is cut out and resized to the whole; 1 cuts nothing.
        flip: chance of a horizontal flip. It changes what some images show, digits and letters among them, so the
            default is none.
        noise: standard deviation of Gaussian noise on every pixel, in pixel units.
    """

    name: ClassVar[str] = "augment"
    streams: ClassVar[bool] = True

    crop: float = attrs.field(default=0.7, validator=number(low=0, high=1, open_low=True))
    flip: float = attrs.field(default=0.0, validator=number(low=0, high=1))
    noise: float = attrs.field(default=0.02, validator=number(low=0, high=1))

    def choose(
        self,
        model: Classifier,
        pool: Tensor | Pixels,
        labels: Tensor,
        *,
        points: int,
        views: int,
        references: References | None,
        seed: int,
    ) -> Tensor:
        """Return pixels ``(V, N, C, H, W)`` in [0, 1], those of the first view just as they are in `pool`."""
        first = pool[torch.randperm(len(pool), generator=generator(seed, "points"))[:points]]
        transform = self._transform((pool.shape[2], pool.shape[3]))
        # torchvision draws from the global generator, once for each call: images by themselves get crops of their own
        with isolated(derive_seed(seed, "views")):
            others = [torch.stack([transform(image) for image in first]) for _ in range(views - 1)]
        return torch.stack([first, *others])

    def _transform(self, size: tuple[int, int]) -> v2.Transform:
        # at one ratio, or a crop of the whole would not be the whole
        ratio = (3 / 4, 4 / 3) if self.crop < 1 else (1.0, 1.0)
        return v2.Compose(
            [
                v2.RandomResizedCrop(size, scale=(self.crop, 1.0), ratio=ratio, antialias=True),
                v2.RandomHorizontalFlip(self.flip),
                v2.GaussianNoise(sigma=self.noise, clip=True),
                # resampling may leave the range by a rounding error
                v2.Lambda(lambda image: image.clamp(0, 1)),
            ]
        )


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `augment`."""
    return [Augment]
