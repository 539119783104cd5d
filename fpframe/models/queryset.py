"""`QuerySet`: the images that a suspect is sent, always 8-bit."""

from __future__ import annotations

import hashlib
from functools import cached_property

import attrs
import torch
from torch import Tensor

from fpframe.models.imageview import ImageView, as_view


@attrs.frozen(kw_only=True, eq=False)
class QueryPart:
    """Where one part of a scheme lies inside a query set.

    Attributes:
        start: first query of the part within a view.
        points: number of points; a pair part holds twice as many queries, clean ones first.
        pair: whether each point is asked clean and perturbed.
    """

    start: int
    points: int
    pair: bool


@attrs.frozen(kw_only=True, eq=False, slots=False)  # without slots, for what is computed once
class QuerySet:
    """The images that a suspect is sent, in views.

    Attributes:
        images: 8-bit images ``(V, Q, C, H, W)``: V views of Q queries each.
        parts: layout of the Q queries.
    """

    images: Tensor = attrs.field()
    parts: tuple[QueryPart, ...]

    @images.validator
    def _check_images(self, _: object, value: Tensor) -> None:
        if value.ndim != 5 or value.dtype != torch.uint8:
            raise ValueError(f"query images must be uint8 (V, Q, C, H, W), got {value.dtype} {tuple(value.shape)}")

    @property
    def views(self) -> int:
        """Number of views V."""
        return self.images.shape[0]

    @property
    def queries(self) -> int:
        """Number of images that asking the whole set costs."""
        return self.images.shape[0] * self.images.shape[1]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        channels, height, width = self.images.shape[2:]
        return channels, height, width

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the digests of the images, in the order of views and queries."""
        return hashlib.sha256(b"".join(image_digests(self.images.flatten(0, 1)))).hexdigest()


def image_digests(images: Tensor | ImageView) -> list[bytes]:
    """Return the SHA-256 of the shape and pixels of each 8-bit image ``(N, C, H, W)``."""
    shape = ",".join(map(str, images.shape[1:])).encode()
    batches = (batch.numpy() for batch in as_view(images).split())
    return [hashlib.sha256(shape + image.tobytes()).digest() for batch in batches for image in batch]


def to_pixels(images: Tensor) -> Tensor:
    """Turn 8-bit images into float32 pixels in [0, 1]."""
    return images.to(torch.float32) / 255


def add_perturbation(images: Tensor, delta: Tensor) -> Tensor:
    """Add `delta` (pixel units) to 8-bit images and stay 8-bit.

    The perturbation is truncated towards zero onto the 1/255 grid, so that no bound on it is broken.
    """
    return (images.to(torch.int16) + grid_steps(delta.double()).to(torch.int16)).clamp(0, 255).to(torch.uint8)


def grid_steps(delta: Tensor) -> Tensor:
    """Return how many whole steps of 1/255 a delta (pixel units) is worth, truncated towards zero."""
    # the small constant keeps a delta that is exactly k/255 on its own step in spite of float32
    return torch.trunc(delta * 255 + torch.sign(delta) * 1e-4)
