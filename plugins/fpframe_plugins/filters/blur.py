"""Filter ``blur``: smooth images before they are answered."""

from __future__ import annotations

import math
from typing import ClassVar

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

import fpframe
from fpframe import FilteredQuery, Query
from fpframe.parameters import number


@attrs.frozen(kw_only=True)
class Blur(fpframe.AnswerFilter):
    """Smooth each image with a Gaussian (spatial smoothing of Xu et al., "Feature Squeezing", NDSS 2018).

    It takes away the fine grain in which adversarial perturbations live. Beyond the border, pixels repeat.

    Attributes:
        sigma: standard deviation of the Gaussian, in pixels; it is cut off at three of them.
    """

    name: ClassVar[str] = "blur"
    sigma: float = attrs.field(default=1.0, validator=number(low=0, high=64, open_low=True))

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def wrap(self, query: Query, *, seed: int) -> Query:
        """Return access through the filter; nothing is random, and `seed` is not used."""
        return FilteredQuery(query, self, images=self._smooth)

    def _smooth(self, pixels: Tensor) -> Tensor:
        radius = math.ceil(3 * self.sigma)
        offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
        weights = torch.exp(-0.5 * (offsets / self.sigma) ** 2)
        line = (weights / weights.sum()).to(pixels.dtype)
        channels = pixels.shape[1]
        padded = F.pad(pixels, (radius, radius, radius, radius), mode="replicate")
        # a Gaussian in the plane is one along the columns and one along the rows
        for kernel in (line.reshape(1, 1, -1, 1), line.reshape(1, 1, 1, -1)):
            padded = F.conv2d(padded, kernel.repeat(channels, 1, 1, 1), groups=channels)
        return padded.clamp(0, 1)  # weights that were rounded need not sum to 1


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the filter."""
    return [Blur]
