"""Which models a recipe asks for: each with its lineage, and with the role that it plays."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import NoReturn

import attrs

from fpframe.errors import RecipeError, UsageError, nearest
from fpframe.recipe import SOURCES, SPLITS, STRATA, IndependentGroup, Recipe, overlap_of
from fpframe.registry import Registry
from fpframe.rng import derive_seed
from fpframe.zoo.lineage import LABELS, VICTIM, Lineage, Step
from fpframe.zoo.model import ZooModel, trained_lineage
from fpframe.zoo.thief import Thief

#: Strata whose models are trained on true labels from the beginning, with the part of the data that each learns from.
TRAINED = {"same-data": "victim", "disjoint-data": "thief", "other-architecture": "victim"}


def plan_models(
    recipe: Recipe, registry: Registry, *, splits: Iterable[str] = SPLITS, without: Iterable[str] = ()
) -> list[ZooModel]:
    """Return the models that a recipe asks for, teachers before their students.

    Args:
        recipe: the recipe.
        registry: the attacks.
        splits: the splits to plan.
        without: strata to leave out.

    Raises:
        UsageError: there is no such split or stratum.
        RecipeError: an attack cannot be read, or a stratum lacks teachers, bases or attacks in a split.
        PluginError: an attack is unknown.
        ParameterError: a parameter of an attack is unknown or out of range.
    """
    splits, skipped = tuple(splits), set(without)
    for split in splits:
        if split not in SPLITS:
            raise UsageError(f"unknown split '{split}'{nearest(split, SPLITS)}")
    for stratum in sorted(skipped):
        if stratum not in STRATA and overlap_of(stratum) is None:
            raise UsageError(f"unknown stratum '{stratum}'{nearest(stratum, STRATA)}")
    thieves = [Thief.of(group, registry) for group in recipe.derived]
    _refuse_twins(thieves)
    models: list[ZooModel] = []
    for split in splits:
        planner = _Planner(recipe, split, thieves)
        groups = [group for group in recipe.independent if group.stratum not in skipped and group.count(split)]
        trained = planner.trained([group for group in groups if _data(group.stratum)])
        made = list(trained)
        for group in (group for group in groups if not _data(group.stratum)):
            make = {
                "other-teacher": planner.taught,
                "thief-recipe": planner.imitating,
                "attacked": planner.attacked,
            }[group.stratum]
            made += make(group, trained, sum(model.stratum == group.stratum for model in made))
        models += [*made, *planner.derived()]
    return models


def _refuse_twins(thieves: Iterable[Thief]) -> None:
    """Refuse to make one and the same model twice, which might stand in two splits."""
    counts: Counter[str] = Counter()
    for thief in thieves:
        counts[thief.label] += (thief.group.fit + thief.group.test) if thief.deterministic else 0
    for label, count in counts.items():
        if count > 1:
            raise RecipeError(
                f"nothing in '{label}' is random, so {count} models of it would be one and the same; "
                "ask for one, in one split"
            )


@attrs.frozen
class _Planner:
    """Plan the models of one split."""

    recipe: Recipe
    split: str
    thieves: list[Thief]

    def trained(self, groups: Sequence[IndependentGroup]) -> list[ZooModel]:
        """Return models that are trained on true labels."""
        models: list[ZooModel] = []
        for group in groups:
            # numbered within the stratum, so that two groups of one stratum never ask for one model twice
            before = sum(model.stratum == group.stratum for model in models)
            for index in range(group.count(self.split)):
                backbone = group.backbone(self.split, index)
                path = (self.split, group.stratum, backbone, before + index)
                lineage = trained_lineage(backbone, _data(group.stratum), self._seed(*path))
                models.append(self._independent(lineage, group.stratum, _family(path)))
        return models

    def taught(self, group: IndependentGroup, trained: list[ZooModel], before: int) -> list[ZooModel]:
        """Return students of independent models, made with each thief's recipe in turn."""
        thieves = self._thieves(group, lambda thief: thief.extracts)
        teachers = self._among(trained, group)
        models = []
        for index in range(before, before + group.count(self.split)):
            thief = thieves[index % len(thieves)]
            # every teacher teaches once before one teaches again
            teacher = teachers[index % len(teachers)]
            backbone = self._backbone(group, index, len(thieves))
            steps = self._seeded(thief.steps, backbone, group.stratum, thief.label, backbone, index)
            models.append(self._independent(teacher.lineage.then(*steps), group.stratum, teacher.family))
        return models

    def imitating(self, group: IndependentGroup, trained: list[ZooModel], before: int) -> list[ZooModel]:
        """Return models that are made with each thief's recipe in turn, but from true labels."""
        thieves = self._thieves(group, lambda thief: bool(thief.imitable))
        models = []
        for index in range(before, before + group.count(self.split)):
            thief = thieves[index % len(thieves)]
            backbone = self._backbone(group, index, len(thieves))
            path = (group.stratum, thief.label, backbone, index)
            lineage = Lineage((Step(name=LABELS),)).then(*self._seeded(thief.imitable, backbone, *path))
            models.append(self._independent(lineage, group.stratum, _family((self.split, *path))))
        return models

    def attacked(self, group: IndependentGroup, trained: list[ZooModel], before: int) -> list[ZooModel]:
        """Return independent models that were modified as the victim is by thieves, each of another base."""
        thieves = self._thieves(group, lambda thief: not thief.extracts)
        bases = self._among(trained, group)
        count = before + group.count(self.split)
        if count > len(bases):
            kinds = ", ".join(SOURCES[group.stratum])
            raise RecipeError(
                f"split '{self.split}' of recipe '{self.recipe.name}' wants {count} attacked models but has only "
                f"{len(bases)} independent models to attack ({kinds}); each is attacked once"
            )
        models = []
        for index in range(before, count):
            thief, base = thieves[index % len(thieves)], bases[index]
            steps = self._seeded(thief.steps, VICTIM, group.stratum, thief.label, index)
            models.append(self._independent(base.lineage.then(*steps), group.stratum, base.family))
        return models

    def derived(self) -> list[ZooModel]:
        """Return models made from the victim."""
        models = []
        for number, thief in enumerate(self.thieves):
            for index in range(thief.group.count(self.split)):
                backbone = thief.group.backbone(self.split, index)
                path = (thief.label, backbone, number, index)
                lineage = Lineage((Step(name=VICTIM),)).then(*self._seeded(thief.steps, backbone, *path))
                models.append(
                    ZooModel(
                        lineage=lineage,
                        training=self.recipe.training,
                        split=self.split,
                        relation="derived",
                        stratum=thief.label,
                        family=_family((self.split, *path)),
                    )
                )
        return models

    def _independent(self, lineage: Lineage, stratum: str, family: str) -> ZooModel:
        return ZooModel(
            lineage=lineage,
            training=self.recipe.training,
            split=self.split,
            relation="independent",
            stratum=stratum,
            family=family,
        )

    def _seed(self, *path: object) -> int:
        return derive_seed(self.recipe.seed, *path)

    def _seeded(self, steps: tuple[Step, ...], backbone: str, *path: object) -> tuple[Step, ...]:
        """Return the steps with a seed each, and the architecture where a student has one of its own."""
        return tuple(
            attrs.evolve(
                step,
                backbone=backbone if step.backbone else None,
                seed=self._seed(self.split, *path, *([index] if index else [])),
            )
            for index, step in enumerate(reversed(steps))
        )[::-1]

    def _backbone(self, group: IndependentGroup, index: int, thieves: int) -> str:
        # thieves and architectures are both taken in turn; a round later each thief meets another architecture
        turns = math.lcm(thieves, len(group.backbones_of(self.split)))
        return group.backbone(self.split, index + index // turns)

    def _thieves(self, group: IndependentGroup, suitable: Callable[[Thief], bool]) -> list[Thief]:
        # an attack that is kept for the test must not reach the encoder through innocent models either
        found = [thief for thief in self.thieves if suitable(thief) and (thief.group.fit or self.split != "fit")]
        if not found:
            self._refuse(group, "[[derived]] attack of that kind")
        return found

    def _refuse(self, group: IndependentGroup, missing: str) -> NoReturn:
        raise RecipeError(
            f"split '{self.split}' of recipe '{self.recipe.name}' wants {group.stratum} models but has no {missing}"
        )

    def _among(self, trained: list[ZooModel], group: IndependentGroup) -> list[ZooModel]:
        """Return what a group can be made from: one of each kind in every round, so that a few are of every kind."""
        strata = SOURCES[group.stratum]
        kinds = [[model for model in trained if model.stratum == stratum] for stratum in strata]
        rounds = [[model for model in turn if model is not None] for turn in zip_longest(*kinds)]
        # in random order within a round, or one attack would always meet the same kind
        found = [
            model
            for number, turn in enumerate(rounds)
            for model in sorted(turn, key=lambda model: self._seed(self.split, group.stratum, number, model.stratum))
        ]
        if not found:
            self._refuse(group, f"{' or '.join(strata)} models")
        return found


def _data(stratum: str) -> str:
    """Return the part of the data that models of a stratum are trained on; empty for those that are not."""
    fraction = overlap_of(stratum)
    return TRAINED.get(stratum, "") if fraction is None else f"overlap:{fraction:g}"


def _family(path: Iterable[object]) -> str:
    return "/".join(map(str, path))
