"""Which of very many p-values pass, where equal ones are counted together."""

from __future__ import annotations

from typing import Literal

import numpy as np

#: How suspects share a level: not at all; so that any false accusation has at most chance alpha; or so that of all
#: accusations at most a share alpha is false on average.
Sharing = Literal["alone", "holm", "benjamini-hochberg"]
SHARINGS: tuple[Sharing, ...] = ("alone", "holm", "benjamini-hochberg")


def levels_of_many(p_values: np.ndarray, counts: np.ndarray, alpha: float, sharing: Sharing) -> np.ndarray:
    """Return the level ``(G,)`` that each of G different p-values is held to, of which there are several each.

    ``holm`` is the step-down of `holm_thresholds` (Holm, Scandinavian Journal of Statistics, 1979).
    ``benjamini-hochberg`` is the step-up of Benjamini and Hochberg (Journal of the Royal Statistical Society B, 1995):
    with N p-values, the largest one that is at most alpha times its rank over N passes, and so does every smaller one.

    Args:
        p_values: different ones, in rising order ``(G,)``; infinite for suspects that can never pass.
        counts: how many suspects have each, ``(G,)``.
        alpha: the level that is shared.
        sharing: one of `SHARINGS`.

    Raises:
        ValueError: the p-values do not rise.
    """
    if np.any(np.diff(p_values) <= 0):
        raise ValueError("p-values must rise; count equal ones together")
    total = counts.sum()
    if sharing == "alone" or not total:
        return np.full(len(p_values), alpha)
    return (_holm if sharing == "holm" else _benjamini_hochberg)(p_values, counts, alpha)


def _holm(p_values: np.ndarray, counts: np.ndarray, alpha: float) -> np.ndarray:
    # a p-value that nobody has fails nothing; it may be the last, with nobody after it
    left = counts.sum() - (np.cumsum(counts) - counts)
    levels: np.ndarray = alpha / np.maximum(left, 1)
    failing = np.flatnonzero((counts > 0) & ~reach(p_values, levels))
    if len(failing):
        levels[failing[0] :] = levels[failing[0]]
    return levels


def _benjamini_hochberg(p_values: np.ndarray, counts: np.ndarray, alpha: float) -> np.ndarray:
    levels = alpha * np.cumsum(counts) / counts.sum()
    passing = np.flatnonzero((counts > 0) & reach(p_values, levels))
    # where none passes, each is held to the level that the smallest one would have had to reach
    level = levels[passing[-1]] if len(passing) else alpha / counts.sum()
    return np.full(len(p_values), level)


def reach(values: np.ndarray, levels: np.ndarray | float) -> np.ndarray:
    """Return which p-values are at most their levels, up to what binary fractions cannot hold; see `reaches`."""
    reached: np.ndarray = values <= np.asarray(levels) * (1 + 1e-9)
    return reached
