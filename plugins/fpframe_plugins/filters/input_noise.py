"""Filter ``input-noise``: add noise to images before they are answered."""

from __future__ import annotations

from typing import ClassVar

import attrs
from torch import Tensor

import fpframe
from fpframe import FilteredQuery, Query
from fpframe.parameters import number
from fpframe.rng import generator
from fpframe_plugins.filters._filtering import normal_like


@attrs.frozen(kw_only=True)
class InputNoise(fpframe.AnswerFilter):
    """Add Gaussian noise to each image, fresh for each time that it is asked, and clip it to [0, 1].

    Attributes:
        deviation: standard deviation of the noise, in pixel units.
    """

    name: ClassVar[str] = "input-noise"
    deviation: float = attrs.field(default=0.05, validator=number(low=0, open_low=True))

    def wrap(self, query: Query, *, seed: int) -> Query:
        """Return access through the filter, whose noise comes from a stream seeded by `seed`."""
        source = generator(seed, "input-noise")

        def disturb(pixels: Tensor) -> Tensor:
            return (pixels + self.deviation * normal_like(pixels, source)).clamp(0, 1)

        return FilteredQuery(query, self, images=disturb)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the filter."""
    return [InputNoise]
