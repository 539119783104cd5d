"""Ways to draw a 95 % interval around an AUC, a difference of AUCs, and their means over zoos; fpframe's among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from interval_draws import Drawn
from scipy.stats import norm, t

from fpframe.decision import Beaten, area_over_zoos, auc_interval, difference_over_zoos, difference_test

Interval = tuple[float, float]
DRAWS = 1000
#: What fpframe shows.
OURS = "Newcombe"
OURS_OVER_ZOOS = "Newcombe and Student"


@cache
def draws_of(families: int, stream: int) -> np.ndarray:
    """Return how often each family is drawn ``(DRAWS, F)``: the same draws serve all rounds, which saves most time."""
    source = np.random.default_rng([families, stream])
    times: np.ndarray = source.multinomial(families, np.full(families, 1 / families), DRAWS).astype(float)
    return times


class Table:
    """What is won between families, so that a draw of families is two products."""

    def __init__(self, beaten: Beaten) -> None:
        """Add up the comparisons of each pair of families."""
        self.beaten = beaten
        members = [np.unique(names, return_inverse=True)[1] for names in (beaten.positive, beaten.negative)]
        self.sizes = [np.bincount(each).astype(float) for each in members]
        one_hot = [np.eye(len(sizes))[member] for sizes, member in zip(self.sizes, members, strict=True)]
        self.won = one_hot[0].T @ beaten.kernel @ one_hot[1]

    @property
    def mean(self) -> float:
        """The AUC, or the difference."""
        return self.beaten.area

    def drawn_means(self, stream: int = 0) -> np.ndarray:
        """Return the means when families are drawn with replacement on both sides."""
        rows, columns = (draws_of(len(each), 2 * stream + side) for side, each in enumerate(self.sizes))
        means: np.ndarray = ((rows @ self.won) * columns).sum(1) / ((rows @ self.sizes[0]) * (columns @ self.sizes[1]))
        return means

    def without_one(self) -> list[np.ndarray]:
        """Return the means without each family of a side."""
        return [
            (self.won.sum() - self.won.sum(1 - axis))
            / ((self.sizes[axis].sum() - self.sizes[axis]) * self.sizes[1 - axis].sum())
            for axis in (0, 1)
        ]


def percentiles(table: Table) -> Interval:
    """Return the percentiles of the bootstrap over families."""
    return _ends(table.drawn_means())


def bca(table: Table) -> Interval:
    """Return Efron's bias-corrected and accelerated interval; two samples, so the jackknife runs over both."""
    means = table.drawn_means()
    below = (np.sum(means < table.mean) + 0.5 * np.sum(means == table.mean)) / len(means)
    shift = norm.ppf(np.clip(below, 1 / len(means), 1 - 1 / len(means)))
    pulls = [(len(each) - 1) * (each.mean() - each) / len(each) for each in table.without_one()]
    square = sum(float(np.sum(each**2)) for each in pulls)
    bend = sum(float(np.sum(each**3)) for each in pulls) / (6 * square**1.5) if square > 0 else 0.0
    moved = shift + norm.ppf(np.array([0.025, 0.975]))
    low, high = np.quantile(means, norm.cdf(shift + moved / (1 - bend * moved)))
    return float(low), float(high)


def student(table: Table) -> Interval:
    """Return Student's interval, with Obuchowski's variance: that of the test."""
    half = np.sqrt(table.beaten.variance()) * t.ppf(0.975, min(table.beaten.counts) - 1)
    return table.mean - half, table.mean + half


BOTH: dict[str, Callable[[Table], Interval]] = {"percentiles": percentiles, "BCa": bca, "Student": student}


def around_area(zoo: Drawn) -> dict[str, Interval]:
    """Return every interval of the first scheme's AUC."""
    table = Table(zoo.schemes[0])
    return {name: made(table) for name, made in BOTH.items()} | {OURS: auc_interval(table.mean, *table.beaten.counts)}


def around_difference(zoo: Drawn) -> dict[str, Interval]:
    """Return every interval of the first scheme's AUC less the second's."""
    first, second = zoo.schemes
    table = Table(_gap(first, second))
    ours = difference_test(first.kernel, second.kernel, first.positive, first.negative).interval
    return {name: made(table) for name, made in BOTH.items()} | {OURS: ours}


def around_mean_area(zoos: Sequence[Drawn]) -> dict[str, Interval]:
    """Return every interval of the first scheme's mean AUC over zoos."""
    found = [zoo.schemes[0] for zoo in zoos]
    return _over_zoos(found) | {OURS_OVER_ZOOS: area_over_zoos(found)[1]}


def around_mean_difference(zoos: Sequence[Drawn]) -> dict[str, Interval]:
    """Return every interval of the mean difference over zoos."""
    pairs = [zoo.schemes for zoo in zoos]
    ours = difference_over_zoos([(first, second) for first, second in pairs]).interval
    return _over_zoos([_gap(*pair) for pair in pairs]) | {OURS_OVER_ZOOS: ours}


def _over_zoos(found: Sequence[Beaten]) -> dict[str, Interval]:
    tables = [Table(each) for each in found]
    means = np.array([table.mean for table in tables])
    count, number = len(means), np.arange(DRAWS)
    families = np.stack([table.drawn_means(place) for place, table in enumerate(tables)])
    picked = np.random.default_rng(0).integers(0, count, (count, DRAWS))
    # a zoo that is drawn twice draws its families anew
    drawn = [np.stack([table.drawn_means(place) for table in tables])[picked[place], number] for place in range(count)]
    half = t.ppf(0.975, count - 1) * means.std(ddof=1) / np.sqrt(count)
    return {
        "bootstrap, families": _ends(families.mean(0)),
        "bootstrap, zoos and families": _ends(np.mean(drawn, axis=0)),
        "Student, zoos": (means.mean() - half, means.mean() + half),
    }


def _gap(first: Beaten, second: Beaten) -> Beaten:
    return Beaten(kernel=first.kernel - second.kernel, positive=first.positive, negative=first.negative)


def _ends(means: np.ndarray) -> Interval:
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)
