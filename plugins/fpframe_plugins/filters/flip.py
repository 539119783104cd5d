"""Filter ``flip``: mirror images before they are answered."""

from __future__ import annotations

from itertools import combinations
from typing import ClassVar, Self

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe import FilteredQuery, Query
from fpframe.parameters import number
from fpframe.rng import generator
from fpframe_plugins.filters._filtering import coins

#: Images whose answers must have changed before a coin is believed in.
SEEN = 4


@attrs.frozen(kw_only=True)
class Flip(fpframe.AnswerFilter):
    """Mirror images left to right, which most photographs survive and few perturbations do.

    Attributes:
        probability: of mirroring an image, by a coin that is thrown each time it is asked.
    """

    name: ClassVar[str] = "flip"
    probability: float = attrs.field(default=1.0, validator=number(low=0, high=1, open_low=True))

    @property
    def deterministic(self) -> bool:
        """Whether nothing is drawn by chance."""
        return self.probability in (0, 1)

    def wrap(self, query: Query, *, seed: int) -> Query:
        """Return access through the filter, whose coins come from a stream seeded by `seed`."""
        source = generator(seed, "flip")

        def mirror(pixels: Tensor) -> Tensor:
            mirrored = coins(len(pixels), self.probability, source)
            return torch.where(mirrored[:, None, None, None], pixels.flip(-1), pixels)

        return FilteredQuery(query, self, images=mirror)

    @classmethod
    def detect(cls, probe: fpframe.Probe) -> Self | None:
        """Recognise a coin: each image has two answers at most, and its mirror image has one of them.

        Labels are too coarse to tell a coin from noise. Which side of the coin is the image itself cannot be seen, so
        that an even one is assumed.
        """
        rounds = list(probe.answers)
        if not bool(probe.answers.isfinite().all()) or bool(((probe.answers == 0) | (probe.answers == 1)).all()):
            return None
        pairs = torch.stack([_equal(a, b) for a, b in combinations(rounds, 2)])
        changing = ~pairs.all(0)
        if int(changing.sum()) < SEEN or not bool(pairs.any(0).all()):
            return None
        mirrored = probe.ask(probe.pixels.flip(-1))
        explained = torch.stack([_equal(mirrored, answers) for answers in rounds]).any(0)
        return cls(probability=0.5) if bool(explained[changing].all()) else None


def _equal(one: Tensor, other: Tensor) -> Tensor:
    """Return ``(N,)`` booleans: whether two rows are one answer, up to the rounding of another batch size."""
    return (one - other).abs().amax(-1) <= 1e-4


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the filter."""
    return [Flip]
