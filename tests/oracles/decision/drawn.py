"""Drawn cases for the oracles of the decision layer: from two models to dozens, smooth or full of ties."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fpframe.decision import StratumPaths, StratumScores

SEEDS = range(50)

#: How many models a side or stratum may have; the smallest are where formulas go wrong.
SIZES = (2, 3, 4, 6, 10, 25, 60)


def rounding(source: np.random.Generator) -> int:
    """Return a number of decimals: with 0 nearly all scores tie, with 12 none."""
    return int(source.choice([0, 1, 2, 12]))


def two_sides(seed: int, *, methods: int = 1, rounds: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Draw scores of derived ``(methods, rounds, P)`` and independent models ``(methods, rounds, N)``.

    Each model is as hard for one method as for the other, so that their areas are correlated.
    """
    source = np.random.default_rng(seed)
    decimals, shift = rounding(source), source.uniform(0, 2)
    sides = []
    for mean in (shift, 0.0):
        size = int(source.choice(SIZES))
        sides.append((mean + source.normal(size=size) + source.normal(size=(methods, rounds, size))).round(decimals))
    return sides[0], sides[1]


def families(source: np.random.Generator, models: int) -> tuple[str, ...]:
    """Draw a family for each of two or more models, in no order; there are at least two families."""
    count = int(source.integers(2, models + 1))
    numbers = np.concatenate([[0, 1], source.integers(0, count, models - 2)])
    return tuple(f"family {number}" for number in source.permutation(numbers))


def labelled(positive: Sequence[float] | np.ndarray, negative: Sequence[float] | np.ndarray) -> tuple[np.ndarray, ...]:
    """Return labels and scores of both sides in one row, as other libraries take them."""
    return np.repeat([1, 0], [len(positive), len(negative)]), np.concatenate([positive, negative])


def stratum_scores(source: np.random.Generator) -> StratumScores:
    """Draw calibration scores, some of one family, many of them equal."""
    models = int(source.choice(SIZES))
    scores = source.normal(size=models).round(rounding(source))
    return StratumScores(scores=tuple(scores.tolist()), families=families(source, models))


def suspect_scores(source: np.random.Generator, stratum: StratumScores) -> np.ndarray:
    """Draw scores of suspects; the last five tie with calibration models."""
    return np.concatenate([source.normal(0.5, 1, 10).round(1), source.choice(stratum.scores, 5)])


def view_scores(source: np.random.Generator, models: int, views: int) -> np.ndarray:
    """Draw view scores ``(models, views)`` that rise and fall together within a model."""
    return (source.normal(size=(models, 1)) + source.normal(size=(models, views))).round(rounding(source))


def stratum_paths(source: np.random.Generator, views: int) -> StratumPaths:
    """Draw calibration models with their view scores."""
    models = int(source.choice(SIZES))
    return StratumPaths(views=view_scores(source, models, views), families=families(source, models))
