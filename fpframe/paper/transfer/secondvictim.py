"""Another victim with thieves of its own, to see what an encoder is worth that was not fitted for it."""

from __future__ import annotations

import math

import attrs

from fpframe.errors import RecipeError
from fpframe.paper.laboratory import Laboratory
from fpframe.recipe import DerivedGroup
from fpframe.rng import derive_seed
from fpframe.zoo import Thief, Zoo, ZooModel, plan_models, trained_lineage

#: Stratum and family of the second victim.
SECOND = "second victim"


def second_victim(laboratory: Laboratory) -> ZooModel:
    """Return the plan of a second victim: the first one's data, architecture and training, with another seed."""
    recipe = laboratory.recipe
    return ZooModel(
        lineage=trained_lineage(recipe.victim.backbone, "victim", derive_seed(recipe.seed, SECOND)),
        training=recipe.victim.training or recipe.training,
        split="test",  # no encoder of the first victim's has seen it
        relation="independent",
        stratum=SECOND,
        family=SECOND,
    )


def with_second_victim(laboratory: Laboratory) -> Laboratory:
    """Train a second victim and its thieves' models, and return a laboratory for it with a zoo of its own.

    That zoo holds models extracted from the second victim, `transfer_models` of the recipe in each of the splits `fit`
    and `test`, and the first zoo's independent models of these splits, which are independent of this victim too.

    Raises:
        RecipeError: the recipe has no extraction attack that stands in both splits.
    """
    plan = second_victim(laboratory)
    classifier = laboratory.build([plan]).load(plan)
    second = laboratory.with_victim(classifier, laboratory.recipe.victim.backbone)
    stolen = second.build(_extracted(laboratory)).models
    # in the second victim's workspace: what derives from "the victim" derives from this one there
    zoo = Zoo((*laboratory.innocents("fit", "test"), *stolen), second.setting.workspace)
    return attrs.evolve(second, zoo=zoo)


def _extracted(laboratory: Laboratory) -> list[ZooModel]:
    """Return the models to be extracted from the second victim: attacks and architectures of the recipe in turn."""
    recipe, registry = laboratory.recipe, laboratory.setting.workspace.registry
    thieves = [Thief.of(group, registry) for group in recipe.derived if group.fit and group.test]
    extracting = [thief.group for thief in thieves if thief.extracts]
    if not extracting:
        raise RecipeError(
            f"recipe '{recipe.name}' has no [[derived]] extraction attack with models in both 'fit' and 'test'; a "
            "second victim is attacked by these"
        )
    count = recipe.experiments.transfer_models
    groups = [_group(extracting, split, index) for split in ("fit", "test") for index in range(count)]
    # a seed of its own, so that no student shares its first weights with one of the first victim's
    changed = attrs.evolve(recipe, seed=derive_seed(recipe.seed, SECOND), independent=(), derived=tuple(groups))
    return plan_models(changed, registry, splits=("fit", "test"))


def _group(extracting: list[DerivedGroup], split: str, index: int) -> DerivedGroup:
    group = extracting[index % len(extracting)]
    # attacks and architectures are both taken in turn; a round later each attack meets another architecture
    turns = math.lcm(len(extracting), len(group.backbones_of(split)))
    backbone = group.backbone(split, index + index // turns)
    return DerivedGroup(attack=group.attack, backbones=(backbone,), fit=int(split == "fit"), test=int(split == "test"))
