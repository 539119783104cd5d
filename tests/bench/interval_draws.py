"""Made-up scores of models in families, whose true AUC is known: what intervals are tried on.

A family shares half of the variance of its models' scores, and has one to four models. Scores of two schemes on the
same models are correlated. Within one side every score has variance 1, so that the AUC of a shift is
``Phi(shift / sqrt 2)``; where zoos differ, their shifts are drawn from a normal distribution.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from scipy.stats import norm

from fpframe.decision import Beaten, kernel

#: How much of the variance of scores lies between families.
SHARED = 0.5
#: Correlation of what two schemes say of one model.
ALIKE = 0.6
#: Share of the families of thefts that are hard to find, and of what is lost by them, in the shape ``hard``.
HARD, LOST = 0.2, 0.6
SHAPES = ("normal", "hard")


@attrs.frozen(kw_only=True, eq=False)
class Drawn:
    """One zoo as two schemes score it.

    Attributes:
        schemes: of each scheme, which thefts beat which independent models.
    """

    schemes: tuple[Beaten, ...]


def draw(
    source: np.random.Generator, families: tuple[int, int], areas: Sequence[float], *, shape: str, spread: float = 0.0
) -> Drawn:
    """Draw one zoo.

    Args:
        source: of the random numbers.
        families: derived and independent ones.
        areas: true AUC of each scheme, over many zoos.
        shape: ``normal``, or ``hard`` where a fifth of the families of thefts are found badly.
        spread: standard deviation of the shift between zoos, which all schemes share.
    """
    sides = [source.integers(1, 5, count) for count in families]
    member = [np.repeat(np.arange(count), sizes) for count, sizes in zip(families, sides, strict=True)]
    hard = source.random(families[0])[member[0]] < HARD
    zoo = spread * source.normal()
    scores = [_correlated(source, len(areas), count, of) for count, of in zip(families, member, strict=True)]
    names = [tuple(map(str, of)) for of in member]
    schemes = []
    for number, area in enumerate(areas):
        easy_shift, hard_shift = (_shift(each, spread) for each in _parts(area, shape))
        shift = np.where(hard, hard_shift, easy_shift) + zoo
        table = kernel((scores[0][number] + shift)[None], scores[1][number][None])
        schemes.append(Beaten(kernel=table, positive=names[0], negative=names[1]))
    return Drawn(schemes=tuple(schemes))


def _correlated(source: np.random.Generator, schemes: int, families: int, member: np.ndarray) -> np.ndarray:
    """Return scores ``(S, M)`` of variance 1, alike inside families and between schemes."""

    def alike(count: int) -> np.ndarray:
        return np.sqrt(ALIKE) * source.normal(size=count) + np.sqrt(1 - ALIKE) * source.normal(size=(schemes, count))

    scores: np.ndarray = np.sqrt(SHARED) * alike(families)[:, member] + np.sqrt(1 - SHARED) * alike(len(member))
    return scores


def _parts(area: float, shape: str) -> tuple[float, float]:
    """Return the AUC of families that are easy and hard to find, whose mean is the given one."""
    if shape == "normal":
        return area, area
    return 1 - (1 - LOST) / (1 - HARD) * (1 - area), 1 - LOST / HARD * (1 - area)


def _shift(area: float, spread: float) -> float:
    return float(norm.ppf(area) * np.sqrt(2 + spread**2))
