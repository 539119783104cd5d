"""The conformal p-value of one stratum: how many independent models of this kind score at least as high?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
from scipy.special import betaincinv

#: Confidence of the bound on the chance that an independent model scores as high.
CONFIDENCE = 0.95


@attrs.frozen(kw_only=True)
class StratumScores:
    """Scores of independent models that fitted nothing.

    Attributes:
        scores: one per model.
        families: the family of each model.
        less_able: whether each model is clearly less able than the suspect; it counts as scoring at least as high,
            whatever it scores. Empty where none is.
    """

    scores: tuple[float, ...]
    families: tuple[str, ...]
    less_able: tuple[bool, ...] = ()

    def __attrs_post_init__(self) -> None:
        if len(self.scores) != len(self.families):
            raise ValueError(f"{len(self.scores)} scores but {len(self.families)} families")
        if self.less_able and len(self.less_able) != len(self.scores):
            raise ValueError(f"{len(self.scores)} scores but {len(self.less_able)} abilities")

    @property
    def units(self) -> int:
        """Number of families, which is the number of models where none share one."""
        return len(set(self.families))

    @property
    def floor(self) -> float:
        """The smallest p-value that these models can give; those less able than the suspect never stand below it."""
        above = sum(self.less_able)
        families_above = len({name for name, less in zip(self.families, self.less_able, strict=False) if less})
        return max((1 + above) / (len(self.scores) + 1), (1 + families_above) / (self.units + 1))

    @property
    def finite(self) -> bool:
        """Whether every score is a finite number."""
        return all(math.isfinite(score) for score in self.scores)


@attrs.frozen(kw_only=True)
class StratumResult:
    """What one stratum says of a suspect.

    Attributes:
        p: the p-value: the larger of `p_models` and `p_families`.
        p_models: the p-value with the model as the unit.
        p_families: the p-value with the family as the unit.
        n: number of calibration models.
        families: number of families among them.
        at_least: models that count as scoring at least as high as the suspect: those that do, and those that are
            clearly less able than it.
        families_at_least: families of which at least one model does.
        less_able: models that are clearly less able than the suspect.
        margin: distance from the highest calibration score in standard deviations; it decides nothing.
        bound: with 95 % confidence in the calibration, an independent model of this kind scores as high with at most
            this chance; see `upper_bound`.
        floor: the smallest p-value that these models allow for this suspect; NaN for a test that does not count models.
        highest: the highest calibration score; NaN where one is not finite.
    """

    p: float
    p_models: float
    p_families: float
    n: int
    families: int
    at_least: int
    families_at_least: int
    less_able: int = 0
    margin: float
    bound: float
    floor: float
    highest: float

    def evidence(self, *, certify: bool) -> float:
        """Return what is held against a level: the p-value, or the bound where the verdict is certified."""
        return self.bound if certify else self.p

    def passes(self, alpha: float, *, certify: bool) -> bool:
        """Return whether the suspect stands out from this stratum at a level."""
        return reaches(self.evidence(certify=certify), alpha)


def stratum_p_value(score: float, stratum: StratumScores) -> StratumResult:
    """Return the conformal p-value of a score, and what it was counted from.

    With n exchangeable independent models, ``(1 + #{score_i >= score}) / (n + 1)`` is at most u with a chance of at
    most u (Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005). Models of one family are not
    exchangeable with others one by one, so the same count over families is made too, where a family counts as soon as
    one of its models scores as high, and the larger p-value is returned.

    Ties count against the claimant. So does a score that is NaN, a calibration score that is not finite, and a model
    that is clearly less able than the suspect: what it scores says nothing of abler ones. p can only grow by that, so
    it keeps its promise.
    """
    values, maxima = _values(stratum), _family_maxima(stratum)
    at_least, families_at_least = int(_count(values, score)), int(_count(maxima, score))
    by_model, by_family = (1 + at_least) / (len(values) + 1), (1 + families_at_least) / (len(maxima) + 1)
    return StratumResult(
        p=max(by_model, by_family),
        p_models=by_model,
        p_families=by_family,
        n=len(values),
        families=len(maxima),
        at_least=at_least,
        families_at_least=families_at_least,
        less_able=sum(stratum.less_able),
        margin=_margin(score, stratum.scores),
        bound=max(upper_bound(at_least, len(values)), upper_bound(families_at_least, len(maxima))),
        floor=stratum.floor,
        highest=max(stratum.scores, default=math.nan) if stratum.finite else math.nan,
    )


def stratum_p_values(scores: Sequence[float] | np.ndarray, stratum: StratumScores) -> np.ndarray:
    """Return the p-values ``(S,)`` of many scores ``(S,)`` at once: those of `stratum_p_value`."""
    values, highest = _values(stratum), _family_maxima(stratum)
    by_model = (1 + _count(values, scores)) / (len(values) + 1)
    by_family = (1 + _count(highest, scores)) / (len(highest) + 1)
    larger: np.ndarray = np.maximum(by_model, by_family)
    return larger


def upper_bound(hits: int, n: int) -> float:
    """Return the one-sided 95 % upper bound on a chance of which `hits` of n trials came true.

    It is the bound of Clopper and Pearson (Biometrika, 1934): a quantile of Beta(hits + 1, n - hits). The conformal
    p-value is the mean of the very same distribution, so the bound is the stricter of the two. p keeps its promise on
    average over calibrations, the bound keeps it in all but 5 % of them.
    """
    return float(betaincinv(hits + 1, n - hits, CONFIDENCE)) if hits < n else 1.0


def needed_models(alpha: float, *, certify: bool = False) -> int:
    """Return how many independent models a stratum needs so that a suspect above all of them passes at `alpha`.

    Args:
        alpha: the level.
        certify: whether the bound has to be at most alpha, and not only the p-value.

    Raises:
        ValueError: alpha does not lie in (0, 1).
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie in (0, 1) (got {alpha})")
    # the small slack is for alphas such as 0.1 that binary fractions cannot hold
    if certify:
        return max(1, math.ceil(math.log1p(-CONFIDENCE) / math.log1p(-alpha) - 1e-9))
    return math.ceil(1 / alpha - 1e-9) - 1


def reaches(value: float, alpha: float) -> bool:
    """Return whether a p-value or bound is at most a level, up to what binary fractions cannot hold."""
    return value <= alpha * (1 + 1e-9)


def _values(stratum: StratumScores) -> np.ndarray:
    """Return the calibration scores ``(n,)``; one that is not finite, or of a less able model, is as high as can be."""
    values = np.asarray(stratum.scores, dtype=np.float64)
    ignored = np.array(stratum.less_able, dtype=bool) if stratum.less_able else np.zeros(len(values), dtype=bool)
    return np.where(np.isfinite(values) & ~ignored, values, np.inf)


def _family_maxima(stratum: StratumScores) -> np.ndarray:
    """Return the highest score of each family."""
    highest: dict[str, float] = {}
    for value, family in zip(_values(stratum).tolist(), stratum.families, strict=True):
        highest[family] = max(value, highest.get(family, -math.inf))
    return np.array(list(highest.values()), dtype=np.float64)


def _count(values: np.ndarray, scores: Sequence[float] | np.ndarray | float) -> np.ndarray:
    """Return how many values are at least as high as each of the scores."""
    # not "at least as high": where a score is NaN no comparison holds, and it counts against the claimant
    counts: np.ndarray = np.sum(~(values < np.asarray(scores, dtype=np.float64)[..., None]), axis=-1)
    return counts


def _margin(score: float, scores: tuple[float, ...]) -> float:
    if not math.isfinite(score) or len(scores) < 2:
        return math.nan
    mean = sum(scores) / len(scores)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in scores) / (len(scores) - 1))
    return (score - max(scores)) / deviation if deviation > 0 else math.nan
