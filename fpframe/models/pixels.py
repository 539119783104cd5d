"""`Pixels`: 8-bit images as float pixels, which are made batch by batch when they are read."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from fpframe.models.imageview import Batches, ImageView, as_view
from fpframe.models.queryset import to_pixels

#: The pixel of each of the 256 levels, as `to_pixels` computes it on a CPU: a GPU divides otherwise.
_LEVELS = to_pixels(torch.arange(256, dtype=torch.uint8))


@attrs.frozen(eq=False)
class Pixels:
    """Images as float32 pixels ``(N, C, H, W)`` in [0, 1]; nothing but what is asked for is ever in memory.

    ``pixels[index]`` is a tensor, by a slice, by numbers or by a mask, and so is each batch of ``pixels.split(n)``.

    Attributes:
        images: the 8-bit images.
    """

    images: ImageView

    @classmethod
    def of(cls, images: Tensor | ImageView) -> Pixels:
        """Return the pixels of 8-bit images."""
        return cls(as_view(images))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Any) -> Tensor:
        return _floats(self.images.part(index).tensor())

    @property
    def shape(self) -> torch.Size:
        """The shape ``(N, C, H, W)``."""
        return self.images.shape

    @property
    def ndim(self) -> int:
        """The number of dimensions, 4."""
        return len(self.shape)

    @property
    def dtype(self) -> torch.dtype:
        """The type of the pixels."""
        return torch.float32

    @property
    def device(self) -> torch.device:
        """Where batches are made."""
        source = self.images.sources[0]
        return source.device if isinstance(source, Tensor) else torch.device("cpu")

    def split(self, size: int) -> Batches:
        """Return batches of pixels, each made when it is asked for."""
        return Batches(len(self), size, lambda start, stop: self[start:stop])

    def part(self, index: Tensor | slice) -> Pixels:
        """Return some of the pixels, which are not made yet."""
        return Pixels(self.images.part(index))

    def joined(self, *others: Pixels) -> Pixels:
        """Return these pixels and then the others, which are not made yet."""
        return Pixels(self.images.joined(*(other.images for other in others)))

    def tensor(self) -> Tensor:
        """Return all pixels as one tensor."""
        return _floats(self.images.tensor())

    def to(self, device: torch.device) -> Pixels:
        """Return pixels that are made on a device, where the 8-bit images lie then."""
        if device == self.device:
            return self
        images = torch.empty(self.shape, dtype=torch.uint8, device=device)
        done = 0
        for batch in self.images.split():
            images[done : done + len(batch)] = batch.to(device)
            done += len(batch)
        return Pixels.of(images)


def some_pixels(pixels: Tensor | Pixels, index: Tensor | slice) -> Tensor | Pixels:
    """Return some of the rows of pixels, as what the pixels are: `Pixels` are not made yet."""
    return pixels[index] if isinstance(pixels, Tensor) else pixels.part(index)


def _floats(images: Tensor) -> Tensor:
    return to_pixels(images) if images.device.type == "cpu" else _LEVELS.to(images.device)[images.long()]
