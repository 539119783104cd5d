"""Nearest neighbours, as a network that holds the images that it compares with.

Not a plugin: `sklearn` uses it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from fpframe.models import Fitted
from fpframe_plugins.backbones._pixel_rows import rows_of, some_of, squared_distances, width_of

#: Least probability of a class, so that logits are finite.
_LEAST = 1e-3


class Neighbours(Fitted):
    """The share of each class among the nearest training images.

    Args:
        classes: number of classes K.
        image_shape: channels, height and width of images.
        nearest: how many neighbours are asked.
        images: that are kept, at most.
    """

    known: Tensor
    labels: Tensor

    def __init__(self, classes: int, image_shape: tuple[int, int, int], *, nearest: int, images: int) -> None:
        super().__init__()
        self.classes, self.nearest, self.images = classes, nearest, images
        self.register_buffer("known", torch.zeros(1, width_of(image_shape), dtype=torch.uint8))
        self.register_buffer("labels", torch.zeros(1, dtype=torch.long))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logarithms ``(N, K)`` of the shares."""
        distances = squared_distances(rows_of(pixels), self.known / 255.0)
        nearest = distances.topk(min(self.nearest, len(self.known)), largest=False).indices
        shares = F.one_hot(self.labels[nearest], self.classes).float().mean(1)
        return shares.clamp_min(_LEAST).log()

    def fit(self, pixels: Tensor, labels: Tensor, *, seed: int) -> None:
        """Keep the images, in 8 bits."""
        rows, self.labels = some_of(pixels, labels, self.images, seed)
        self.known = (rows * 255).round().to(torch.uint8)
