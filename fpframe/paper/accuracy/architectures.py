"""The models of one architecture, normally trained and extracted, and further ones where a zoo has few."""

from __future__ import annotations

import attrs

from fpframe.interfaces import AttackSimulator
from fpframe.paper.laboratory import Laboratory
from fpframe.recipe import DerivedGroup
from fpframe.registry import STRATA
from fpframe.rng import derive_seed
from fpframe.zoo import VICTIM, ZooModel, component_of, is_filter, plan_models, trained_lineage


def backbones_of(laboratory: Laboratory) -> list[str]:
    """Return the architectures of the recipe."""
    recipe, resolve = laboratory.recipe, laboratory.setting.workspace.resolve
    groups = (*recipe.independent, *recipe.derived)
    named = [name for group in groups for name in (*group.backbones, *group.test_backbones)]
    return sorted({resolve(name) for name in (VICTIM, *named)})


def models_of(laboratory: Laboratory, backbone: str, *, extracted: bool) -> list[ZooModel]:
    """Return the models of an architecture that the zoo has: extracted from the victim, or normally trained."""
    resolve = laboratory.setting.workspace.resolve
    return [
        model
        for model in laboratory.zoo.models
        if resolve(model.lineage.last.backbone or VICTIM) == backbone
        and (_extracted(laboratory, model) if extracted else _normal(model))
    ]


def _normal(model: ZooModel) -> bool:
    return model.trained and model.lineage.last.data == STRATA["same-data"].data


def _extracted(laboratory: Laboratory, model: ZooModel) -> bool:
    """Tell whether a model learned from the victim's answers, and nothing else was done."""
    steps, registry = model.lineage.steps, laboratory.setting.workspace.registry
    if model.relation != "derived" or len(steps) != 2 or is_filter(steps[1], registry):
        return False
    attack = component_of(steps[1], registry)
    return isinstance(attack, AttackSimulator) and attack.access != "weights"


def more_trained(laboratory: Laboratory, backbone: str, count: int) -> list[ZooModel]:
    """Return further models that are trained on the victim's data, with seeds of their own."""
    recipe = laboratory.recipe
    return [
        ZooModel(
            lineage=trained_lineage(backbone, "victim", derive_seed(recipe.seed, "accuracy", backbone, index)),
            training=recipe.training,
            epochs=tuple(recipe.epochs.items()),
            relation="independent",
            stratum="accuracy",
            family=f"accuracy/{backbone}/{index}",
        )
        for index in range(count)
    ]


def more_extracted(laboratory: Laboratory, backbone: str, count: int) -> list[ZooModel]:
    """Return further extracted models, by the recipe's extraction attacks in turn."""
    recipe, registry = laboratory.recipe, laboratory.setting.workspace.registry
    attacks = list(dict.fromkeys(model.stratum for model in laboratory.zoo.models if _extracted(laboratory, model)))
    groups = [
        DerivedGroup(attack=attacks[index % len(attacks)], test=1, backbones=(backbone,))
        for index in range(count)
        if attacks
    ]
    more = attrs.evolve(recipe, seed=derive_seed(recipe.seed, "accuracy"), independent=(), derived=tuple(groups))
    return plan_models(more, registry, splits=("test",))
