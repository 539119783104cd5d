"""Do p-values keep their promise? Divide known independent models anew, many times, and count."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import attrs
import numpy as np

from fpframe.decision.metrics import clopper_pearson
from fpframe.decision.pvalues import StratumScores, reaches, stratum_p_values
from fpframe.rng import derive_seed


@attrs.frozen(kw_only=True)
class ValidityAt:
    """How often independent models have a p-value of at most one level.

    Attributes:
        level: the level u.
        fraction: share of suspects with p <= u, the mean over all re-splits; the families count alike.
        standard_error: of that mean, over the re-splits.
        resplits: number of re-splits.
        calibrating: families in the calibrating half.
        holds: whether the fraction is at most the level plus four standard errors.
    """

    level: float
    fraction: float
    standard_error: float
    resplits: int
    calibrating: int
    holds: bool


def check_validity(
    stratum: StratumScores,
    *,
    levels: Sequence[float] = (0.05, 0.1, 0.2, 0.5),
    resplits: int = 1000,
    seed: int = 0,
    p_value: Callable[[float, StratumScores], float] | None = None,
) -> tuple[ValidityAt, ...]:
    """Count how often independent models of one stratum have a small p-value against others of it.

    In each re-split a random half of the families calibrate, and the models of the others are the suspects. A family
    drawn at random is at most as high as it should be, whatever the scores are; a *model* drawn at random need not be,
    since one large family may happen to be the highest. So each suspect family counts once, by the share of its models
    with p <= u. Given the pool, the expected fraction then is at most u: more than that, beyond chance, shows that the
    p-value is wrong, for instance because it forgets the families.

    Args:
        stratum: scores of independent models.
        levels: levels u; those that the calibrating half cannot reach are left out.
        resplits: number of re-splits.
        seed: of the re-splits.
        p_value: another p-value to check; no level is left out then, since its floor is not known.

    Returns:
        One record for each level; none where there are fewer than two families.
    """
    names = sorted(set(stratum.families))
    calibrating = (len(names) + 1) // 2
    if len(names) < 2:
        return ()
    if p_value is None:
        levels = [level for level in levels if reaches(1 / (calibrating + 1), level)]
    scores = np.asarray(stratum.scores, dtype=np.float64)
    family = np.searchsorted(names, stratum.families)
    weight = 1 / np.bincount(family)[family] / (len(names) - calibrating)
    fractions = np.zeros((resplits, len(levels)))
    source = np.random.default_rng(derive_seed(seed, "re-splits"))
    for row in fractions:
        suspects = np.isin(family, source.permutation(len(names))[calibrating:])
        half = StratumScores(
            scores=tuple(scores[~suspects].tolist()),
            families=tuple(name for name, out in zip(stratum.families, suspects, strict=True) if not out),
        )
        if p_value is None:
            p = stratum_p_values(scores[suspects], half)
        else:
            p = np.array([p_value(float(score), half) for score in scores[suspects]])
        row[:] = [weight[suspects][p <= level * (1 + 1e-9)].sum() for level in levels]
    return tuple(_at(level, column, calibrating=calibrating) for level, column in zip(levels, fractions.T, strict=True))


def _at(level: float, fractions: np.ndarray, *, calibrating: int) -> ValidityAt:
    fraction = float(fractions.mean())
    error = float(fractions.std(ddof=1)) / math.sqrt(len(fractions)) if len(fractions) > 1 else 0.0
    return ValidityAt(
        level=level,
        fraction=fraction,
        standard_error=error,
        resplits=len(fractions),
        calibrating=calibrating,
        holds=reaches(fraction, level + 4 * error),
    )


@attrs.frozen(kw_only=True)
class LeftOut:
    """How often the models of a stratum are called derived by the other strata alone.

    Attributes:
        stratum: the one that was left out.
        hits: its models with p <= alpha in every other stratum.
        n: number of its models.
        families: number of their families.
        families_hit: families with at least one hit.
        interval: exact (Clopper-Pearson) 95 % interval of the rate of families that are hit.
    """

    stratum: str
    hits: int
    n: int
    families: int
    families_hit: int
    interval: tuple[float, float]


def leave_one_stratum_out(strata: Mapping[str, StratumScores], *, alpha: float) -> tuple[LeftOut, ...]:
    """Judge the models of each stratum by the others: what has a kind of innocent to fear that nobody calibrated?

    p-values promise nothing here. Models of the other strata stay although they may be relatives of the one that is
    judged, by a teacher or base that both share.

    Raises:
        ValueError: there are fewer than two strata.
    """
    if len(strata) < 2:
        raise ValueError("at least two strata are needed to leave one out")
    found = []
    for name, stratum in sorted(strata.items()):
        others = [other for key, other in strata.items() if key != name]
        p = np.max([stratum_p_values(stratum.scores, other) for other in others], axis=0)
        hit = [family for family, value in zip(stratum.families, p, strict=True) if reaches(float(value), alpha)]
        found.append(
            LeftOut(
                stratum=name,
                hits=len(hit),
                n=len(stratum.scores),
                families=stratum.units,
                families_hit=len(set(hit)),
                interval=clopper_pearson(len(set(hit)), stratum.units),
            )
        )
    return tuple(found)
