"""`ViewScores`: how similar to the victim held-out and calibration models are in each of many views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
from torch import nn

from fpframe.comparison import kind_of
from fpframe.decision import StratumPaths, mean_of_views, stratum_p_values, welch_p_values
from fpframe.enrolment import ZooAnswers, calibrating, score_views
from fpframe.models import PROBS
from fpframe.paper.laboratory import Laboratory
from fpframe.zoo import ZooModel


@attrs.frozen(kw_only=True, eq=False)
class ViewScores:
    """How similar to the victim models are in each view.

    Attributes:
        scheme: what they were asked by.
        points: points of one view.
        queries: images that one view asks.
        thefts: derived models of the test split.
        kinds: kind of each theft.
        innocents: independent models of the test split.
        above: view scores of the thefts ``(P, V)``.
        below: those of the independent models ``(N, V)``.
        strata: those of the calibration models, by stratum.
    """

    scheme: str
    points: int
    queries: int
    thefts: Sequence[ZooModel]
    kinds: Sequence[str]
    innocents: Sequence[ZooModel]
    above: np.ndarray
    below: np.ndarray
    strata: Mapping[str, StratumPaths]

    @property
    def views(self) -> int:
        """Number of views V."""
        return int(self.above.shape[1])

    @property
    def floor(self) -> float:
        """The smallest p-value that all strata allow."""
        return max(paths.scores().floor for paths in self.strata.values())

    def means(self, views: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores of thefts ``(P,)`` and independent models ``(N,)`` over the first views."""
        above, below = (
            np.array([mean_of_views(row[:views]) for row in side], dtype=np.float64)
            for side in (self.above, self.below)
        )
        return above, below

    def claimed(self, suspects: np.ndarray, views: int) -> np.ndarray:
        """Return the p-values ``(S,)`` of Welch's t-test on the first views of suspects ``(S, V)``.

        It is the largest of all strata: the most cautious that this test can be.
        """
        found = [welch_p_values(suspects[:, :views], paths) for paths in self._first(views)]
        largest: np.ndarray = np.max(found, axis=0)
        return largest

    def honest(self, suspects: np.ndarray, views: int) -> np.ndarray:
        """Return the p-values ``(S,)`` that verdicts rest on: conformal, the largest of all strata."""
        scores = np.array([mean_of_views(row[:views]) for row in suspects], dtype=np.float64)
        largest: np.ndarray = np.max([stratum_p_values(scores, p.scores()) for p in self._first(views)], axis=0)
        return largest

    def claimed_of_calibration(self, views: int) -> np.ndarray:
        """Return the t-test's p-values ``(C,)`` of the calibration models, as if each were a suspect.

        A model is left out of what it is tested against, and so is its family. A test that keeps its promise has a
        p-value of at most u for a share of at most u of these models: they are independent.
        """
        found = []
        for name, paths in self.strata.items():
            for row, family in enumerate(paths.families):
                rest = {**self.strata, name: _without(paths, family)}
                left = attrs.evolve(self, strata={key: each for key, each in rest.items() if each.families})
                found.append(left.claimed(paths.views[[row]], views))
        return np.concatenate(found)

    def _first(self, views: int) -> list[StratumPaths]:
        return [StratumPaths(views=p.views[:, :views], families=p.families) for p in self.strata.values()]


def score_asked(laboratory: Laboratory, scheme: str, encoder: nn.Module, asked: ZooAnswers) -> ViewScores:
    """Score the models of `test`, except failed thefts, and of `calibrate` that were asked, view by view."""
    models = [model for model, _ in asked.models]
    thefts, innocents = laboratory.thefts("test"), laboratory.innocents("test")

    def views(chosen: Sequence[ZooModel]) -> np.ndarray:
        return score_views(encoder, asked.of(chosen), asked.victim, PROBS)

    groups: dict[str, list[ZooModel]] = {}
    for model in calibrating(models):
        groups.setdefault(model.stratum, []).append(model)
    queries = asked.questions.queries
    return ViewScores(
        scheme=scheme,
        points=queries.parts[0].points,
        queries=queries.images.shape[1],
        thefts=thefts,
        kinds=[kind_of(model, laboratory.setting.workspace.registry) for model in thefts],
        innocents=innocents,
        above=views(thefts),
        below=views(innocents),
        strata={
            stratum: StratumPaths(views=views(members), families=tuple(model.family for model in members))
            for stratum, members in sorted(groups.items())
        },
    )


def _without(paths: StratumPaths, family: str) -> StratumPaths:
    rows = [row for row, name in enumerate(paths.families) if name != family]
    return StratumPaths(views=paths.views[rows], families=tuple(paths.families[row] for row in rows))
