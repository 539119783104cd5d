"""`Comparison`: what several schemes say of the same models."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from fpframe.base import Note
from fpframe.decision import DERIVED, mean_of_views
from fpframe.errors import UsageError
from fpframe.recipe import Recipe

#: The columns of scores as a table.
RECORD = (
    *("zoo", "model", "lineage", "relation", "kind", "family", "split", "failed"),
    *("scheme", "seed", "channel", "score", "p_value", "verdict"),
)


@attrs.frozen(kw_only=True)
class Questioned:
    """One model that every contender scored.

    Attributes:
        name: its lineage, as it is shown.
        lineage: the exact form, with data and seeds, which no other model has.
        relation: ``derived`` or ``independent``.
        kind: kind of theft, or stratum.
        family: models of one family share an origin.
        split: what the recipe has it for; in a cross-fit it is scored whatever this is.
        failed: whether it is a failed theft, which counts nowhere.
        zoo: seed of its zoo.
    """

    name: str
    lineage: str
    relation: str
    kind: str
    family: str
    split: str
    failed: bool
    zoo: int


@attrs.frozen(kw_only=True)
class DrawnZoo:
    """A zoo with its victim.

    Attributes:
        seed: decides who owns which images, and how the victim and all models are trained.
        accuracy: the victim's, on the test images.
    """

    seed: int
    accuracy: float


@attrs.frozen(kw_only=True, eq=False)
class Outcome:
    """What one contender, with one seed, says of the models in one channel.

    Attributes:
        contender: its name.
        seed: of its queries and its encoder.
        channel: what the models revealed.
        views: their view scores ``(M, V)``, those of all zoos; NaN where there is none.
        verdicts: their verdicts; empty where nothing was calibrated.
        p_values: their p-values; ``None`` for a model that has none, and empty where nothing was calibrated.
    """

    contender: str
    seed: int
    channel: str
    views: np.ndarray
    verdicts: tuple[str, ...] = ()
    p_values: tuple[float | None, ...] = ()

    def of_models(self, rows: Sequence[int]) -> Outcome:
        """Return what was found of some of the models, by their numbers."""
        return attrs.evolve(
            self,
            views=self.views[list(rows)],
            verdicts=tuple(self.verdicts[row] for row in rows if self.verdicts),
            p_values=tuple(self.p_values[row] for row in rows if self.p_values),
        )

    @property
    def scores(self) -> np.ndarray:
        """Scores ``(M,)``: the mean over the views."""
        return self.scores_after(self.views.shape[1])

    def scores_after(self, views: int) -> np.ndarray:
        """Return the scores ``(M,)`` by the first views alone."""
        return np.array([mean_of_views(row[:views]) for row in self.views])


@attrs.frozen(kw_only=True)
class Cost:
    """What one contender costs, with one seed.

    Attributes:
        contender: its name.
        seed: its seed.
        queries: images that one suspect is sent.
        enrol_seconds: to make the queries, ask the models that fit and calibrate it, and fit it in every channel. The
            training of these models is not in it.
        verify_seconds: to load one suspect, ask it and score it; the median over the models.
        zoo: seed of the zoo.
    """

    contender: str
    seed: int
    queries: int
    enrol_seconds: float
    verify_seconds: float
    zoo: int


@attrs.frozen(kw_only=True)
class Doubt:
    """Why `fpframe.enroll` would refuse to enroll by a contender.

    Attributes:
        contender: its name.
        seed: of its queries and its encoder.
        note: what was found.
        zoo: seed of the zoo.
    """

    contender: str
    seed: int
    note: Note
    zoo: int


@attrs.frozen(kw_only=True, eq=False)
class Comparison:
    """What several schemes say of the same models.

    Attributes:
        recipe: the recipe; of its scheme nothing was used. Where there are several zoos, it is the first one's.
        victim: address and accuracy of the victim; the mean accuracy where each zoo has one.
        zoos: the zoos, each with its victim; one, unless the design says otherwise.
        folds: number of folds of the cross-fit; ``None`` where the recipe's splits were used.
        contrasts: contenders that are to be tested against each other in every cell, named before anything was asked.
        models: the models that were scored, zoo by zoo.
        outcomes: one for each contender, seed and channel.
        costs: one for each contender, seed and zoo.
        profile: the machine that it ran on.
        doubts: contenders that are not fit to accuse anybody, whatever their verdicts say.
    """

    recipe: Recipe
    victim: Mapping[str, Any]
    zoos: tuple[DrawnZoo, ...]
    folds: int | None
    contrasts: tuple[tuple[str, str], ...]
    models: tuple[Questioned, ...]
    outcomes: tuple[Outcome, ...]
    costs: tuple[Cost, ...]
    profile: Mapping[str, Any]
    doubts: tuple[Doubt, ...] = ()

    @property
    def contenders(self) -> list[str]:
        """Names of the contenders, in order."""
        return list(dict.fromkeys(outcome.contender for outcome in self.outcomes))

    @property
    def channels(self) -> list[str]:
        """What the models revealed, in order."""
        return list(dict.fromkeys(outcome.channel for outcome in self.outcomes))

    @property
    def seeds(self) -> list[int]:
        """The seeds, in order."""
        return list(dict.fromkeys(outcome.seed for outcome in self.outcomes))

    def of_zoo(self, seed: int) -> Comparison:
        """Return what was found on one zoo alone.

        Raises:
            UsageError: there is no zoo of that seed.
        """
        zoo = next((zoo for zoo in self.zoos if zoo.seed == seed), None)
        if zoo is None:
            known = ", ".join(str(each.seed) for each in self.zoos)
            raise UsageError(f"no zoo with seed {seed} was compared on; the seeds are {known}")
        rows = [number for number, model in enumerate(self.models) if model.zoo == seed]
        return attrs.evolve(
            self,
            recipe=attrs.evolve(self.recipe, seed=seed),
            victim={**self.victim, "accuracy": zoo.accuracy},
            zoos=(zoo,),
            models=tuple(self.models[row] for row in rows),
            outcomes=tuple(each.of_models(rows) for each in self.outcomes),
            costs=tuple(cost for cost in self.costs if cost.zoo == seed),
            doubts=tuple(doubt for doubt in self.doubts if doubt.zoo == seed),
        )

    def by_zoo(self) -> list[Comparison]:
        """Return what was found on each zoo alone."""
        return [self] if len(self.zoos) == 1 else [self.of_zoo(zoo.seed) for zoo in self.zoos]

    def of(self, contender: str, channel: str) -> list[Outcome]:
        """Return the outcomes of a contender in a channel, by seed."""
        return [each for each in self.outcomes if (each.contender, each.channel) == (contender, channel)]

    def scores(self, contender: str, channel: str) -> np.ndarray:
        """Return the scores ``(S, M)`` of a contender in a channel."""
        return np.stack([outcome.scores for outcome in self.of(contender, channel)])

    def rows(self, relation: str, kind: str | None = None) -> list[int]:
        """Return the numbers of the models of a relation that count, of one kind or of all."""
        return [
            number
            for number, model in enumerate(self.models)
            if model.relation == relation and not model.failed and kind in (None, model.kind)
        ]

    def called(self, contender: str, channel: str, relation: str, kind: str | None = None) -> list[int]:
        """Return how many models that count were called derived, with each seed: of a relation, or of one kind."""
        rows = self.rows(relation, kind)
        return [sum(each.verdicts[row] == DERIVED for row in rows) for each in self.of(contender, channel)]

    def kinds(self, relation: str) -> list[str]:
        """Return the kinds of a relation that occur, in order of the models."""
        return list(dict.fromkeys(self.models[row].kind for row in self.rows(relation)))

    def records(self) -> list[dict[str, Any]]:
        """Return a row for each model, contender, seed and channel, with the keys of `RECORD`."""
        return [
            {
                "zoo": model.zoo,
                "model": model.name,
                "lineage": model.lineage,
                "relation": model.relation,
                "kind": model.kind,
                "family": model.family,
                "split": model.split,
                "failed": model.failed,
                "scheme": each.contender,
                "seed": each.seed,
                "channel": each.channel,
                "score": None if math.isnan(score) else score,
                "p_value": each.p_values[number] if each.p_values else None,
                "verdict": each.verdicts[number] if each.verdicts else None,
            }
            for each in self.outcomes
            for number, (model, score) in enumerate(zip(self.models, each.scores.tolist(), strict=True))
        ]

    def to_frame(self) -> Any:
        """Return `records` as a `pandas.DataFrame`.

        Raises:
            UsageError: pandas is not installed.
        """
        try:
            pandas = importlib.import_module("pandas")
        except ImportError as error:
            raise UsageError("a data frame needs pandas; install it, or take Comparison.records()") from error
        return pandas.DataFrame(self.records(), columns=list(RECORD))

    def _repr_html_(self) -> str:
        """Return what notebooks show: one table for each channel."""
        from fpframe.comparison.html import comparison_html  # it reads areas, which are made of comparisons

        return comparison_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-able data; the models' scores are in it, so that every table can be made again."""
        return {
            "recipe": self.recipe.name,
            "seed": self.recipe.seed,
            "dataset": self.recipe.dataset,
            "victim": dict(self.victim),
            "zoos": [attrs.asdict(zoo) for zoo in self.zoos],
            "folds": self.folds,
            "contrasts": [list(pair) for pair in self.contrasts],
            "models": [attrs.asdict(model) for model in self.models],
            "outcomes": [
                {
                    "contender": each.contender,
                    "seed": each.seed,
                    "channel": each.channel,
                    "scores": each.scores.tolist(),
                    "verdicts": list(each.verdicts),
                    "p_values": list(each.p_values),
                }
                for each in self.outcomes
            ],
            "costs": [attrs.asdict(cost) for cost in self.costs],
            "doubts": [attrs.asdict(doubt) for doubt in self.doubts],
            "profile": dict(self.profile),
        }
