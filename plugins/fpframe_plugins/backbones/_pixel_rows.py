"""Images as rows of numbers, for models that know no convolution.

Not a plugin: the models of `sklearn` use it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from fpframe.models import Pixels, gathered, some_pixels
from fpframe.rng import generator

#: Images with a longer side, in pixels, are averaged down to it.
_LARGEST_SIDE = 32
#: Images that are read at once.
_TOGETHER = 256


def width_of(image_shape: tuple[int, int, int]) -> int:
    """Return the number of columns of `rows_of` for images of this shape."""
    channels, height, width = image_shape
    return channels * (height // _window(height)) * (width // _window(width))


def rows_of(pixels: Tensor) -> Tensor:
    """Return rows ``(N, D)`` of numbers in [0, 1] for pixels ``(N, C, H, W)``."""
    window = _window(pixels.shape[2]), _window(pixels.shape[3])
    return (pixels if window == (1, 1) else F.avg_pool2d(pixels, window)).flatten(1)


def some_of(pixels: Tensor | Pixels, labels: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return rows ``(M, D)`` and labels ``(M,)`` of at most `count` images, drawn by a seed."""
    chosen = torch.randperm(len(pixels), generator=generator(seed, "images"))[:count]
    batches = some_pixels(pixels, chosen).split(_TOGETHER)
    return gathered(len(chosen), map(rows_of, batches)), labels[chosen]


def squared_distances(rows: Tensor, others: Tensor) -> Tensor:
    """Return squared Euclidean distances ``(N, M)`` between rows ``(N, D)`` and ``(M, D)``."""
    found = rows.square().sum(1, keepdim=True) - 2 * rows @ others.T + others.square().sum(1)
    return found.clamp_min(0)


def _window(side: int) -> int:
    return -(-side // _LARGEST_SIDE)
