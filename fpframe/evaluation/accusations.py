"""How often does each test accuse independent models? Divide all of them anew, many times, and count."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs
import numpy as np

from fpframe.decision import StratumPaths, needed_models, pooled, reaches, stratum_p_values, welch_p_values
from fpframe.rng import derive_seed

#: Divisions that are tried before the strata are found too small.
ATTEMPTS = 1000
#: From calibration by stratum and view scores ``(S, V)`` to the p-value of each suspect.
PValues = Callable[[Mapping[str, StratumPaths], np.ndarray], np.ndarray]


@attrs.frozen(kw_only=True)
class Accusations:
    """How often a test accuses independent models.

    Attributes:
        test: the test.
        level: the level.
        fraction: share of the judged models with a p-value of at most the level, the mean over the re-splits.
        worst: the share in the worst of 20 re-splits, their 95th percentile.
        models: models in all.
        families: families among them.
        resplits: number of re-splits.
    """

    test: str
    level: float
    fraction: float
    worst: float
    models: int
    families: int
    resplits: int


def count_accusations(
    strata: Mapping[str, StratumPaths], rules: Sequence[tuple[str, float]], *, resplits: int = 1000, seed: int = 0
) -> tuple[Accusations, ...]:
    """Let a random half of all families calibrate, judge the models of the other half, and do so many times.

    Families stay on one side, across strata too: a student of an independent teacher never meets its teacher. A
    division that leaves a stratum too few families for the smallest level of the conformal test is drawn again: it
    could accuse nobody, and would flatter it.

    Args:
        strata: view scores of independent models, by stratum.
        rules: tests, each with a level: ``conformal``, ``welch`` or ``welch-by-stratum``.
        resplits: number of re-splits.
        seed: of the re-splits.

    Raises:
        ValueError: half of a stratum is too small for the smallest conformal level.
    """
    families = sorted({family for paths in strata.values() for family in paths.families})
    source = np.random.default_rng(derive_seed(seed, "accusations"))
    tests = sorted({test for test, _ in rules})
    shares = np.zeros((resplits, len(rules)))
    needed = max((needed_models(level) for test, level in rules if test == "conformal"), default=1)
    for row in shares:
        halves = _divide(strata, families, source, needed)
        calibration = {name: half for name, (half, _) in halves.items()}
        views = np.concatenate([suspects for _, suspects in halves.values()])
        p = {test: P_VALUES[test](calibration, views) for test in tests}
        row[:] = [np.mean([reaches(value, level) for value in p[test]]) for test, level in rules]
    return tuple(
        Accusations(
            test=test,
            level=level,
            fraction=float(shares[:, column].mean()),
            worst=float(np.quantile(shares[:, column], 0.95)),
            models=sum(len(paths.families) for paths in strata.values()),
            families=len(families),
            resplits=resplits,
        )
        for column, (test, level) in enumerate(rules)
    )


def _divide(
    strata: Mapping[str, StratumPaths], families: Sequence[str], source: np.random.Generator, needed: int
) -> dict[str, tuple[StratumPaths, np.ndarray]]:
    for _ in range(ATTEMPTS):
        judged = set(source.permutation(families)[(len(families) + 1) // 2 :].tolist())
        halves = {name: _halves(paths, judged) for name, paths in strata.items()}
        if all(len(set(half.families)) >= needed for half, _ in halves.values()):
            return halves
    raise ValueError(f"strata are too small to leave {needed} families in each half")


def _halves(paths: StratumPaths, judged: set[str]) -> tuple[StratumPaths, np.ndarray]:
    """Return the models that calibrate, and the view scores of those that are judged."""
    out = np.array([family in judged for family in paths.families])
    kept = tuple(family for family in paths.families if family not in judged)
    return StratumPaths(views=paths.views[~out], families=kept), paths.views[out]


def _conformal(calibration: Mapping[str, StratumPaths], views: np.ndarray) -> np.ndarray:
    scores = StratumPaths(views=views, families=("",) * len(views)).scores().scores
    largest: np.ndarray = np.max([stratum_p_values(scores, paths.scores()) for paths in calibration.values()], axis=0)
    return largest


def _welch(calibration: Mapping[str, StratumPaths], views: np.ndarray) -> np.ndarray:
    return welch_p_values(views, pooled(calibration))


def _welch_by_stratum(calibration: Mapping[str, StratumPaths], views: np.ndarray) -> np.ndarray:
    largest: np.ndarray = np.max([welch_p_values(views, paths) for paths in calibration.values()], axis=0)
    return largest


P_VALUES: dict[str, PValues] = {"conformal": _conformal, "welch": _welch, "welch-by-stratum": _welch_by_stratum}
