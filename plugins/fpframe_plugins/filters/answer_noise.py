"""Filter ``answer-noise``: add noise to probabilities."""

from __future__ import annotations

from itertools import combinations
from typing import ClassVar, Literal, Self

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe import FilteredQuery, Query
from fpframe.parameters import number
from fpframe.rng import generator
from fpframe_plugins.filters._filtering import normal_like

#: Times that each answer is disturbed to find the noise that explains what was seen.
SIMULATED = 50


@attrs.frozen(kw_only=True)
class AnswerNoise(fpframe.AnswerFilter):
    """Add Gaussian noise to each probability, fresh for each answer.

    What falls below 0 is cut off, and each row is divided by its sum, so that it is a distribution still. A row of
    which nothing is left becomes the uniform one.

    Attributes:
        deviation: standard deviation of the noise, in units of probability.
    """

    name: ClassVar[str] = "answer-noise"
    needs: ClassVar[Literal["probs", "any"]] = "probs"
    deviation: float = attrs.field(default=0.05, validator=number(low=0, open_low=True))

    def wrap(self, query: Query, *, seed: int) -> Query:
        """Return access through the filter, whose noise comes from a stream seeded by `seed`.

        Raises:
            UsageError: the query reveals labels only.
        """
        source = generator(seed, "answer-noise")

        def disturb(answers: Tensor) -> Tensor:
            return _disturbed(answers, self.deviation * normal_like(answers, source))

        return FilteredQuery(query, self, answers=disturb)

    @classmethod
    def detect(cls, probe: fpframe.Probe) -> Self | None:
        """Recognise noise by its being about as large on every image; that on pixels barely moves a sure answer.

        The deviation is the one that makes repeats differ by as much as they were seen to.
        """
        if not bool(probe.answers.isfinite().all()):
            return None
        spread = torch.stack([(a - b).abs().mean(-1) for a, b in combinations(probe.answers, 2)]).amin(0)
        if bool((spread <= 0.25 * spread.median()).any()) or float(spread.median()) < 1e-4:
            return None
        seen = float(torch.stack([(a - b).abs().mean() for a, b in combinations(probe.answers, 2)]).mean())
        noisy = probe.answers.mean(0)
        draws = torch.randn(2, SIMULATED, *noisy.shape, generator=generator(0, "answer-noise"))

        def expected(deviation: float) -> float:
            clean = noisy
            for _ in range(3):  # noise that is cut off at 0 lifts small probabilities: take off as much as it would add
                lifted = _disturbed(clean, deviation * draws[0]).mean(0)
                clean = _disturbed(clean, noisy - lifted)
            one, other = (_disturbed(clean, deviation * draw) for draw in draws)
            return float((one - other).abs().mean())

        low, high = 0.0, 1.0
        for _ in range(20):
            middle = (low + high) / 2
            low, high = (middle, high) if expected(middle) < seen else (low, middle)
        return cls(deviation=float(f"{high:.2g}"))


def _disturbed(answers: Tensor, noise: Tensor) -> Tensor:
    noisy = (answers + noise).clamp(min=0)
    total = noisy.sum(-1, keepdim=True)
    return torch.where(total == 0, 1 / answers.shape[-1], noisy / total)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the filter."""
    return [AnswerNoise]
