"""What a comparison shows: areas with intervals, and differences with tests, by kind of theft and stratum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import attrs
import numpy as np

from fpframe.comparison.kinds import KINDS
from fpframe.comparison.records import Comparison
from fpframe.decision import (
    AreaTest,
    Beaten,
    PowerAt,
    area_over_zoos,
    aruc,
    clopper_pearson,
    difference_over_zoos,
    holm,
    kernel,
    standard_deviation,
    tpr_at_fpr,
    with_zoos,
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
        n_derived: models, of all zoos.
        n_independent: models, of all zoos.
        auc: mean over the seeds, and over the zoos, which count alike.
        interval: 95 % interval of it by Newcombe's method, with families as the units; of several zoos, what lies
            between them is in it.
        by_zoo: the AUC in each zoo that has models on both sides, by the zoo's seed.
        power: thefts above a threshold that at most 5 % of the independent models of a zoo reach, as mean over the
            seeds and zoos; ``None`` where these are too few to tell.
        aruc: area under the robustness-uniqueness curve over thresholds from -1 to 1; mean over the seeds and zoos.
    """

    contender: str
    channel: str
    theft: str
    stratum: str
    n_derived: int
    n_independent: int
    auc: float
    interval: tuple[float, float]
    by_zoo: Mapping[int, float]
    power: PowerAt | None
    aruc: float

    @property
    def spread(self) -> float:
        """Standard deviation of the AUC between zoos; NaN in one zoo."""
        return standard_deviation(list(self.by_zoo.values()))


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
    """Return kinds of theft by strata, all thefts and all strata last, where a zoo has models of both."""
    found = comparison.kinds("independent")
    strata = [*(kind for kind in STRATA if kind in found), *(kind for kind in found if kind not in STRATA)]
    zoos = comparison.by_zoo()
    return [
        (theft, stratum)
        for theft in thefts_of(comparison)
        for stratum in (*strata, ALL_INDEPENDENT)
        if any(all(_sides(zoo, theft, stratum)) for zoo in zoos)
    ]


def thefts_of(comparison: Comparison) -> list[str]:
    """Return the kinds of theft that occur, and the name of all of them."""
    return [*(kind for kind in KINDS if kind in comparison.kinds("derived")), ALL_THEFTS]


def areas(comparison: Comparison, channel: str) -> list[Area]:
    """Return every cell of every contender in a channel."""
    zoos = comparison.by_zoo()
    return [
        _area(comparison, zoos, contender, channel, theft, stratum)
        for contender in comparison.contenders
        for theft, stratum in cells(comparison)
    ]


def contrasts(
    comparison: Comparison, channel: str, first: str, second: str, *, stratum: str | None = None
) -> list[Contrast]:
    """Return the difference between two contenders in every cell, or in one stratum's, adjusted for their number."""
    where = [(first, second, *cell) for cell in cells(comparison) if stratum in (None, cell[1])]
    return _contrasts(comparison, channel, where)


def pairs(comparison: Comparison, channel: str) -> list[Contrast]:
    """Return the difference between any two contenders over all models, adjusted for the number of pairs."""
    where = [(a, b, ALL_THEFTS, ALL_INDEPENDENT) for a, b in combinations(comparison.contenders, 2)]
    return _contrasts(comparison, channel, where)


def _contrasts(comparison: Comparison, channel: str, where: Sequence[tuple[str, str, str, str]]) -> list[Contrast]:
    zoos = comparison.by_zoo()
    tests = [
        _difference(zoos, *(_beaten(zoos, name, channel, theft, stratum) for name in (first, second)))
        for first, second, theft, stratum in where
    ]
    adjusted = holm([test.p_value for test in tests])
    return [
        Contrast(first=a, second=b, channel=channel, theft=theft, stratum=stratum, test=test, adjusted=p)
        for (a, b, theft, stratum), test, p in zip(where, tests, adjusted, strict=True)
    ]


def _difference(zoos: Sequence[Comparison], first: Mapping[int, Beaten], second: Mapping[int, Beaten]) -> AreaTest:
    found = difference_over_zoos([(first[zoo], second[zoo]) for zoo in first])
    if len(first) == 1 < len(zoos):  # models of this cell are in one zoo of several, which says nothing of others
        return attrs.evolve(found, interval=(-1.0, 1.0), p_value=1.0)
    return found


def _area(
    comparison: Comparison, zoos: Sequence[Comparison], contender: str, channel: str, theft: str, stratum: str
) -> Area:
    derived, independent = _sides(comparison, theft, stratum)
    beaten = _beaten(zoos, contender, channel, theft, stratum)
    area, interval = area_over_zoos(list(beaten.values()))
    sides = [
        [(seed[above], seed[below]) for seed in zoo.scores(contender, channel)]
        for zoo in zoos
        if zoo.zoos[0].seed in beaten
        for above, below in [_sides(zoo, theft, stratum)]
    ]
    powers = [_mean_power([tpr_at_fpr(above, below, FPR) for above, below in zoo]) for zoo in sides]
    return Area(
        contender=contender,
        channel=channel,
        theft=theft,
        stratum=stratum,
        n_derived=len(derived),
        n_independent=len(independent),
        auc=area,
        interval=(0.0, 1.0) if len(beaten) == 1 < len(zoos) else interval,
        by_zoo={zoo: each.area for zoo, each in beaten.items()},
        power=_power_over_zoos(powers, len(zoos)),
        aruc=float(np.mean([aruc(above, below, low=-1.0, high=1.0) for zoo in sides for above, below in zoo])),
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


def _power_over_zoos(powers: Sequence[PowerAt | None], zoos: int) -> PowerAt | None:
    """Return the mean over zoos, each counted alike; with several, what lies between them is in the interval."""
    known = [each for each in powers if each is not None]
    if not known or zoos == 1:
        return known[0] if known else None
    hits, n = (sum(each) for each in zip(*((each.hits, each.n) for each in known), strict=True))
    rates = [each.rate for each in known]
    return attrs.evolve(
        known[0],
        hits=hits,
        n=n,
        negatives=sum(each.negatives for each in known),
        rate=float(np.mean(rates)),
        interval=rate_over_zoos(hits, n, rates),
    )


def rate_over_zoos(hits: int, n: int, rates: Sequence[float]) -> tuple[float, float]:
    """Return a 95 % interval of the mean of the rates of several zoos.

    Args:
        hits: in all zoos together.
        n: out of how many in all of them.
        rates: of each zoo.
    """
    mean, whole = float(np.mean(rates)), hits / n
    low, high = clopper_pearson(hits, n)  # exact around the rate of all, whose sides the mean takes over
    return with_zoos(mean, (mean - (whole - low), mean + (high - whole)), rates)


def _sides(comparison: Comparison, theft: str, stratum: str) -> tuple[list[int], list[int]]:
    return (
        comparison.rows("derived", None if theft == ALL_THEFTS else theft),
        comparison.rows("independent", None if stratum == ALL_INDEPENDENT else stratum),
    )


def _beaten(zoos: Sequence[Comparison], contender: str, channel: str, theft: str, stratum: str) -> dict[int, Beaten]:
    """Return by the zoo's seed which derived models beat which independent ones, where it has models of both."""
    found = {}
    for zoo in zoos:
        sides = _sides(zoo, theft, stratum)
        if all(sides):
            scores = zoo.scores(contender, channel)
            families = [[zoo.models[row].family for row in side] for side in sides]
            table = kernel(scores[:, sides[0]], scores[:, sides[1]])
            found[zoo.zoos[0].seed] = Beaten(kernel=table, positive=families[0], negative=families[1])
    return found
