"""`blind-walks`: images, and ever larger steps away from each of them in directions drawn at random.

From "Dataset Inference: Ownership Resolution in Machine Learning" (Maini, Yaghini and Papernot, ICLR 2021): the blind
walk, by which that method estimates distances to a decision boundary from labels alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import torch
from torch import Generator, Tensor

import fpframe
from fpframe import Augmenter, Classifier, References
from fpframe.models import Pixels
from fpframe.parameters import number, whole
from fpframe.rng import generator
from fpframe_plugins.augmenters._dealing import deal

#: Steps of the authors' release, by which its noise is multiplied at most.
_RELEASED = 50


def _uniform(shape: torch.Size, source: Generator) -> Tensor:
    return 2 * torch.rand(shape, generator=source) - 1


def _normal(shape: torch.Size, source: Generator) -> Tensor:
    return torch.randn(shape, generator=source)


def _laplacian(shape: torch.Size, source: Generator) -> Tensor:
    # of scale 2, as in the release beside the others
    signed = _uniform(shape, source)
    return -2 * signed.sign() * torch.log1p(-signed.abs())


#: The noises of the release, for distances in L-infinity, L2 and L1, at one size.
_NOISES = (_uniform, _normal, _laplacian)


@attrs.frozen(kw_only=True)
class BlindWalks(Augmenter):
    """Draw images that the victim gets right, and walk from each with noise of three kinds, a few times each.

    A walk adds the same noise in every step, times a factor that grows evenly; pixels are cut off at 0 and 1. All steps
    are asked, so that the queries depend on no answer; the encoder `walk-distances` sees where the label changes. An
    image is followed by the steps of all of its walks, and the last image of a view is cut off where the points end.

    The authors' release (cleverhans-lab/dataset-inference) makes ten walks with each noise, of 50 steps each, and stops
    where the label changes: up to 1500 queries an image. Size and kind of the noise are its; `starts` and `steps` were
    chosen here, for fewer queries. There the images are those that the victim was trained on, and test images. No
    augmenter is told which those are, and a pool is of images that nobody was trained on.

    Attributes:
        starts: walks with each of the three noises.
        steps: steps of a walk.
        size: of the noise in the last step in pixel units: half its range, standard deviation, and half its scale. The
            release has twice as much for SVHN.
    """

    name: ClassVar[str] = "blind-walks"
    streams: ClassVar[bool] = True

    starts: int = attrs.field(default=1, validator=whole(low=1))
    steps: int = attrs.field(default=9, validator=whole(low=1))
    size: float = attrs.field(default=0.005 * _RELEASED, validator=number(low=0, open_low=True))

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
        """Return 8-bit pixels ``(V, N, C, H, W)`` in [0, 1], image after image.

        Raises:
            DataError: the pool has fewer images than walks begin at.
        """
        count = -(-points // walked_length(self.starts, self.steps))
        drawn = torch.randperm(len(pool), generator=generator(seed, "points"))
        wrong = (model.logits(pool).argmax(1) != labels)[drawn]
        order = drawn[torch.argsort(wrong, stable=True)]
        chosen = deal(order, points=count, views=views)
        source = generator(seed, "noise")
        return torch.stack([self.walk(pool[view], source).flatten(0, 1)[:points] for view in chosen])

    def walk(self, images: Tensor, source: Generator) -> Tensor:
        """Return images ``(N, C, H, W)`` with the steps of their walks, ``(N, 1 + 3 * starts * steps, C, H, W)``."""
        noise = torch.stack([make(images.shape, source) for make in _NOISES for _ in range(self.starts)], dim=1)
        factors = self.size * torch.arange(1, self.steps + 1) / self.steps
        steps = noise.unsqueeze(2) * factors.reshape(-1, 1, 1, 1)
        walked = torch.cat([images.unsqueeze(1), images.unsqueeze(1) + steps.flatten(1, 2)], dim=1)
        return (walked.clamp(0, 1) * 255).round() / 255


def walked_length(starts: int, steps: int) -> int:
    """Return how many points an image and the steps of its walks are."""
    return 1 + len(_NOISES) * starts * steps


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `blind-walks`."""
    return [BlindWalks]
