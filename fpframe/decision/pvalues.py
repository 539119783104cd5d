"""The conformal p-value of one stratum: how many independent models of this kind score at least as high?"""

from __future__ import annotations

import math

import attrs


@attrs.frozen(kw_only=True)
class StratumScores:
    """Scores of independent models that fitted nothing.

    Attributes:
        scores: one per model.
        families: the family of each model.
    """

    scores: tuple[float, ...]
    families: tuple[str, ...]

    def __attrs_post_init__(self) -> None:
        if len(self.scores) != len(self.families):
            raise ValueError(f"{len(self.scores)} scores but {len(self.families)} families")

    @property
    def units(self) -> int:
        """Number of families, which is the number of models where none share one."""
        return len(set(self.families))

    @property
    def floor(self) -> float:
        """The smallest p-value that this many models can give."""
        return 1 / (min(len(self.scores), self.units) + 1)


@attrs.frozen(kw_only=True)
class StratumResult:
    """What one stratum says of a suspect.

    Attributes:
        p: the p-value: the larger of that over models and that over families.
        n: number of calibration models.
        families: number of families among them.
        at_least: models that score at least as high as the suspect.
        margin: distance from the highest calibration score in standard deviations; it decides nothing.
    """

    p: float
    n: int
    families: int
    at_least: int
    margin: float


def stratum_p_value(score: float, stratum: StratumScores) -> StratumResult:
    """Return the conformal p-value of a score; ties count against the claimant, and so does a score that is not finite.

    With n exchangeable independent models, ``(1 + #{score_i >= score}) / (n + 1)`` is at most u with a chance of at
    most u. Models of one family are not exchangeable with others one by one, so the same count over families is made
    too, where a family counts as soon as one of its models scores as high, and the larger p-value is returned.
    """
    # not "at least as high": where either of two is NaN, no comparison holds, and it counts against the claimant
    high = [family for value, family in zip(stratum.scores, stratum.families, strict=True) if not value < score]
    by_model = (1 + len(high)) / (len(stratum.scores) + 1)
    by_family = (1 + len(set(high))) / (stratum.units + 1)
    return StratumResult(
        p=max(by_model, by_family),
        n=len(stratum.scores),
        families=stratum.units,
        at_least=len(high),
        margin=_margin(score, stratum.scores),
    )


def _margin(score: float, scores: tuple[float, ...]) -> float:
    if not math.isfinite(score) or len(scores) < 2:
        return math.nan
    mean = sum(scores) / len(scores)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in scores) / (len(scores) - 1))
    return (score - max(scores)) / deviation if deviation > 0 else math.nan
