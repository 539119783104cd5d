"""`Kinds`: models whose p-values are known, each of which stands for many suspects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np

from fpframe.decision import StratumPaths, StratumScores, mean_of_views, reach, stratum_p_value


@attrs.frozen(kw_only=True)
class Kind:
    """A model that stands for suspects.

    Attributes:
        name: its stratum or attack.
        share: how often such a suspect is met.
        p: its p-value by all views; infinite where there would be no verdict.
        sure: its p-value by the low end of the interval of the score: a suspect is called derived where this passes
            too, and is inconclusive where it alone does not.
        first: its p-value by the first views.
        family: of the model, or the model itself; empty where none stands for the suspects.
    """

    name: str
    share: float
    p: float
    sure: float
    first: float
    family: str = ""


@attrs.frozen(kw_only=True, eq=False)
class Kinds:
    """Models that stand for suspects: the fields of K of them, each ``(K,)``; their shares add up to 1."""

    names: tuple[str, ...]
    share: np.ndarray
    p: np.ndarray
    sure: np.ndarray
    first: np.ndarray
    families: tuple[str, ...]

    @classmethod
    def of(cls, kinds: Sequence[Kind]) -> Kinds:
        """Return models one by one as fields of all."""
        share, p, sure, first = np.array([(kind.share, kind.p, kind.sure, kind.first) for kind in kinds]).T
        return cls(
            names=tuple(kind.name for kind in kinds),
            share=share / share.sum(),
            p=p,
            sure=sure,
            first=first,
            families=tuple(kind.family for kind in kinds),
        )

    def called(self, alpha: float) -> np.ndarray:
        """Return which are called derived ``(K,)`` if each suspect is held to the level alone."""
        called: np.ndarray = reach(self.p, alpha) & reach(self.sure, alpha)
        return called

    def families_called(self, alpha: float) -> tuple[int, int]:
        """Return how many families have a model that is called derived so, and how many there are."""
        hit = {family for family, yes in zip(self.families, self.called(alpha), strict=True) if family and yes}
        return len(hit), len(set(self.families) - {""})

    def shares_called(self, alpha: float) -> dict[str, float]:
        """Return by name the share that is called derived so."""
        called, found = self.called(alpha), {}
        for name in dict.fromkeys(self.names):
            own = np.array([each == name for each in self.names])
            found[name] = float((self.share * called)[own].sum() / self.share[own].sum())
        return found


def largest_p(score: float, strata: Mapping[str, StratumScores]) -> float:
    """Return the largest p-value of a score over all strata, as a verdict counts it."""
    return max(stratum_p_value(score, stratum).p for stratum in strata.values())


def scores_of_first(paths: Mapping[str, StratumPaths], views: int) -> dict[str, StratumScores]:
    """Return the scores of calibration models by their first views."""
    return {
        name: StratumScores(scores=tuple(mean_of_views(row[:views]) for row in path.views), families=path.families)
        for name, path in paths.items()
    }
