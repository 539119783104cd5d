"""What a comparison shows: areas with intervals, and differences with tests, by kind of theft and stratum."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import attrs
import numpy as np

from fpframe.comparison.kinds import KINDS
from fpframe.comparison.records import Comparison
from fpframe.decision import (
    AreaTest,
    PowerAt,
    aruc,
    bootstrap_interval,
    clopper_pearson,
    difference_test,
    holm,
    kernel,
    tpr_at_fpr,
)
from fpframe.registry import STRATA

ALL_THEFTS = "all thefts"
ALL_INDEPENDENT = "all independent"
#: The false-positive rate at which the share of thefts found is given.
FPR = 0.05


@attrs.frozen(kw_only=True)
class Area:
    """How well a contender separates one kind of theft from one stratum.

    Attributes:
        contender: its name.
        channel: what the models revealed.
        theft: kind of theft, or all.
        stratum: stratum of independent models, or all.
        n_derived: models.
        n_independent: models.
        auc: mean over the seeds.
        interval: 95 % bootstrap interval over families, over the mean of the seeds.
        power: thefts above a threshold that at most 5 % of the independent models reach, as mean over the seeds;
            ``None`` where these are too few to tell.
        aruc: area under the robustness-uniqueness curve over thresholds from -1 to 1; mean over the seeds.
    """

    contender: str
    channel: str
    theft: str
    stratum: str
    n_derived: int
    n_independent: int
    auc: float
    interval: tuple[float, float]
    power: PowerAt | None
    aruc: float


@attrs.frozen(kw_only=True)
class Contrast:
    """The difference between two contenders in one cell.

    Attributes:
        first: one contender.
        second: the other.
        channel: what the models revealed.
        theft: kind of theft, or all.
        stratum: stratum, or all.
        test: the difference of their AUCs.
        adjusted: p-value, adjusted for the number of contrasts by Holm's method.
    """

    first: str
    second: str
    channel: str
    theft: str
    stratum: str
    test: AreaTest
    adjusted: float


def cells(comparison: Comparison) -> list[tuple[str, str]]:
    """Return kinds of theft by strata, all thefts and all strata last."""
    found = comparison.kinds("independent")
    strata = [*(kind for kind in STRATA if kind in found), *(kind for kind in found if kind not in STRATA)]
    return [(theft, stratum) for theft in thefts_of(comparison) for stratum in (*strata, ALL_INDEPENDENT)]


def thefts_of(comparison: Comparison) -> list[str]:
    """Return the kinds of theft that occur, and the name of all of them."""
    return [*(kind for kind in KINDS if kind in comparison.kinds("derived")), ALL_THEFTS]


def areas(comparison: Comparison, channel: str) -> list[Area]:
    """Return every cell of every contender in a channel."""
    return [
        _area(comparison, contender, channel, theft, stratum)
        for contender in comparison.contenders
        for theft, stratum in cells(comparison)
    ]


def contrasts(comparison: Comparison, channel: str, first: str, second: str) -> list[Contrast]:
    """Return the difference between two contenders in every cell, adjusted for their number."""
    where = [(first, second, theft, stratum) for theft, stratum in cells(comparison)]
    return _contrasts(comparison, channel, where)


def pairs(comparison: Comparison, channel: str) -> list[Contrast]:
    """Return the difference between any two contenders over all models, adjusted for the number of pairs."""
    where = [(a, b, ALL_THEFTS, ALL_INDEPENDENT) for a, b in combinations(comparison.contenders, 2)]
    return _contrasts(comparison, channel, where)


def _contrasts(comparison: Comparison, channel: str, where: Sequence[tuple[str, str, str, str]]) -> list[Contrast]:
    tests = []
    for first, second, theft, stratum in where:
        derived, independent = _sides(comparison, theft, stratum)
        kernels = [_kernel(comparison, name, channel, derived, independent) for name in (first, second)]
        tests.append(
            difference_test(kernels[0], kernels[1], _families(comparison, derived), _families(comparison, independent))
        )
    adjusted = holm([test.p_value for test in tests])
    return [
        Contrast(first=a, second=b, channel=channel, theft=theft, stratum=stratum, test=test, adjusted=p)
        for (a, b, theft, stratum), test, p in zip(where, tests, adjusted, strict=True)
    ]


def _area(comparison: Comparison, contender: str, channel: str, theft: str, stratum: str) -> Area:
    derived, independent = _sides(comparison, theft, stratum)
    beaten = _kernel(comparison, contender, channel, derived, independent)
    scores = comparison.scores(contender, channel)
    sides = [(seed[derived], seed[independent]) for seed in scores]
    return Area(
        contender=contender,
        channel=channel,
        theft=theft,
        stratum=stratum,
        n_derived=len(derived),
        n_independent=len(independent),
        auc=float(beaten.mean()),
        interval=bootstrap_interval(beaten, _families(comparison, derived), _families(comparison, independent)),
        power=_mean_power([tpr_at_fpr(above, below, FPR) for above, below in sides]),
        aruc=float(np.mean([aruc(above, below, low=-1.0, high=1.0) for above, below in sides])),
    )


def _mean_power(seeds: Sequence[PowerAt | None]) -> PowerAt | None:
    """Return the mean over seeds: models are counted once, however many seeds there are."""
    known = [each for each in seeds if each is not None]
    if not known:
        return None
    hits = round(float(np.mean([each.hits for each in known])))
    return attrs.evolve(
        known[0],
        hits=hits,
        rate=float(np.mean([each.rate for each in known])),
        interval=clopper_pearson(hits, known[0].n),
    )


def _sides(comparison: Comparison, theft: str, stratum: str) -> tuple[list[int], list[int]]:
    return (
        comparison.rows("derived", None if theft == ALL_THEFTS else theft),
        comparison.rows("independent", None if stratum == ALL_INDEPENDENT else stratum),
    )


def _kernel(
    comparison: Comparison, contender: str, channel: str, derived: list[int], independent: list[int]
) -> np.ndarray:
    scores = comparison.scores(contender, channel)
    return kernel(scores[:, derived], scores[:, independent])


def _families(comparison: Comparison, rows: Sequence[int]) -> list[str]:
    return [comparison.models[row].family for row in rows]
