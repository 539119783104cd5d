"""Which models a recipe asks for: each with its lineage, and with the role that it plays."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from typing import Literal

import attrs

from fpframe.errors import RecipeError
from fpframe.interfaces import ComponentSpec
from fpframe.recipe import SPLITS, TRAINED_STRATA, DerivedGroup, Recipe
from fpframe.rng import derive_seed
from fpframe.training import Training

VICTIM = "victim"


@attrs.frozen(kw_only=True)
class ZooModel:
    """One model of the zoo.

    How it came to be: `backbone`, `data`, `training`, `seed`, and for an extracted model `attack` and `teacher`.
    What part it plays: `split`, `relation`, `stratum`, `family`.

    Attributes:
        split: ``fit``, ``calibrate`` or ``test``; the victim itself has none.
        relation: what it is to the victim.
        stratum: kind of independent model, or the attack of a derived one.
        family: models of one family share an origin and never stand in two splits.
        backbone: address of its architecture; ``victim`` is the victim's own.
        data: which part of the training images it is made from.
        training: how it is fitted.
        seed: decides its weights.
        attack: how it was extracted; ``None`` for a model trained on labels.
        teacher: the model it was extracted from; ``None`` with an attack is the victim.
    """

    split: str
    relation: Literal["victim", "derived", "independent"]
    stratum: str
    family: str
    backbone: str
    data: Literal["victim", "thief"]
    training: Training
    seed: int
    attack: ComponentSpec | None = None
    teacher: ZooModel | None = None

    @property
    def lineage(self) -> str:
        """How the model came to be, in words such as ``victim->extraction(queries=noise)[paper:arc-b]``."""
        backbone = "victim's architecture" if self.backbone == VICTIM else self.backbone
        if self.attack is None:
            return f"train[{backbone}]"
        params = ",".join(f"{key}={value}" for key, value in sorted(self.attack.params.items()))
        origin = self.teacher.lineage if self.teacher else VICTIM
        return f"{origin}->{self.attack.name}({params})[{backbone}]"


def victim_model(recipe: Recipe) -> ZooModel:
    """Return the victim that the recipe trains."""
    return ZooModel(
        split="",
        relation="victim",
        stratum=VICTIM,
        family=VICTIM,
        backbone=recipe.victim.backbone,
        data="victim",
        training=recipe.victim.training or recipe.training,
        seed=derive_seed(recipe.seed, VICTIM),
    )


def plan_zoo(recipe: Recipe, *, splits: Iterable[str] = SPLITS, absent: Iterable[str] = ()) -> list[ZooModel]:
    """Return the models that a recipe asks for, teachers before their students.

    Args:
        recipe: the recipe.
        splits: the splits to plan.
        absent: strata to leave out.

    Raises:
        RecipeError: a split asks for students of independent models but has no independent models to teach them.
    """
    skipped = set(absent)
    models: list[ZooModel] = []
    for split in splits:
        trained = [model for model in _trained(recipe, split) if model.stratum not in skipped]
        models += trained
        if "other-teacher" not in skipped:
            models += _taught(recipe, split, trained)
        models += _derived(recipe, split)
    return models


def _trained(recipe: Recipe, split: str) -> list[ZooModel]:
    models: list[ZooModel] = []
    for group in recipe.independent:
        if group.stratum not in TRAINED_STRATA:
            continue
        # numbered within the stratum, so that two groups of one stratum never ask for one model twice
        before = sum(model.stratum == group.stratum for model in models)
        for index in range(group.count(split)):
            path = (split, group.stratum, group.backbone(split, index), before + index)
            models.append(
                ZooModel(
                    split=split,
                    relation="independent",
                    stratum=group.stratum,
                    family="/".join(map(str, path)),
                    backbone=group.backbone(split, index),
                    data="victim",
                    training=recipe.training,
                    seed=derive_seed(recipe.seed, *path),
                )
            )
    return models


def _taught(recipe: Recipe, split: str, teachers: list[ZooModel]) -> list[ZooModel]:
    """Return students of independent models, made with each thief's recipe in turn; teachers are taken in turn too."""
    groups = [group for group in recipe.independent if group.stratum == "other-teacher" and group.count(split)]
    # an attack that is kept for the test must not reach the encoder through innocent students either
    thieves = [thief for thief in recipe.derived if thief.fit or split != "fit"]
    teachers = _interleaved(teachers)
    if groups and not (teachers and thieves):
        missing = "same-data or other-architecture models to teach" if thieves else "[[derived]] attack"
        raise RecipeError(f"split '{split}' of recipe '{recipe.name}' wants other-teacher models but has no {missing}")
    models: list[ZooModel] = []
    for group in groups:
        before = len(models)
        for index in range(before, before + group.count(split)):
            thief = thieves[index % len(thieves)]
            # every teacher teaches once before one teaches again, students' backbones move on at another pace
            teacher = teachers[index % len(teachers)]
            backbone = group.backbone(split, index // len(thieves))
            models.append(
                ZooModel(
                    split=split,
                    relation="independent",
                    stratum=group.stratum,
                    family=teacher.family,
                    backbone=backbone,
                    data="thief",
                    training=recipe.training,
                    seed=derive_seed(recipe.seed, split, group.stratum, _label(thief), backbone, index),
                    attack=ComponentSpec(thief.attack, thief.params),
                    teacher=teacher,
                )
            )
    return models


def _interleaved(teachers: list[ZooModel]) -> list[ZooModel]:
    """Return the teachers with their strata in turn, so that few students still have teachers of every kind."""
    strata: dict[str, list[ZooModel]] = {}
    for teacher in teachers:
        strata.setdefault(teacher.stratum, []).append(teacher)
    rounds = zip_longest(*strata.values())
    return [teacher for turn in rounds for teacher in turn if teacher is not None]


def _derived(recipe: Recipe, split: str) -> list[ZooModel]:
    models = []
    for number, group in enumerate(recipe.derived):
        for index in range(group.count(split)):
            backbone = group.backbone(split, index)
            path = (split, _label(group), backbone, number, index)
            models.append(
                ZooModel(
                    split=split,
                    relation="derived",
                    stratum=_label(group),
                    family="/".join(map(str, path)),
                    backbone=backbone,
                    data="thief",
                    training=recipe.training,
                    seed=derive_seed(recipe.seed, *path),
                    attack=ComponentSpec(group.attack, group.params),
                )
            )
    return models


def _label(group: DerivedGroup) -> str:
    params = ",".join(f"{key}={value}" for key, value in sorted(group.params.items()))
    return f"{group.attack}({params})"
