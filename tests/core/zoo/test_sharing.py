"""Independent models are trained once for a data set and a recipe; a further victim costs the models made from it."""

from __future__ import annotations

import attrs
import pytest

import fpframe
from fpframe.recipe.recipe import DerivedGroup, IndependentGroup, Recipe
from fpframe.zoo import make, plan_zoo
from fpframe.zoo.outlook import Sharing
from smallzoo import ONCE, STUDENT

OTHER = "paper:arc-b"


@pytest.fixture
def recipe(digits) -> Recipe:
    return Recipe(
        name="shared",
        training=ONCE,
        as_able_as_victim=False,
        independent=(
            IndependentGroup(stratum="same-data", fit=1, calibrate=2),
            IndependentGroup(stratum="other-architecture", fit=1, calibrate=1, backbones=("paper:arc-d",)),
            IndependentGroup(stratum="other-teacher", calibrate=2, backbones=("victim", OTHER)),
            IndependentGroup(stratum="attacked", calibrate=1),
        ),
        derived=(
            DerivedGroup(attack="extract(soft)", fit=2, backbones=("victim", OTHER)),
            DerivedGroup(attack="prune(0.4)->finetune(all)", fit=1),
        ),
    )


@pytest.fixture
def trainings(monkeypatch) -> list[str]:
    """The lineages of the models that are trained or changed, in order."""
    made, train = [], make._train

    def counted(model, workspace):
        made.append(str(model.lineage))
        return train(model, workspace)

    monkeypatch.setattr(make, "_train", counted)
    return made


def victim(registry, digits, backbone, seed) -> fpframe.Victim:
    network = fpframe.build_backbone(registry, backbone, 10, (1, 8, 8), seed=seed)
    return fpframe.Victim(network, backbone=backbone)


def test_a_second_victim_costs_its_thieves_only(registry, digits, recipe, trainings, tmp_path):
    run = fpframe.Run(store=tmp_path, registry=registry)
    first = plan_zoo(recipe, digits, victim=victim(registry, digits, STUDENT, 1), run=run)
    first.build()
    assert sum(not lineage.startswith("victim") for lineage in trainings) > 8
    trainings.clear()

    second = plan_zoo(recipe, digits, victim=victim(registry, digits, STUDENT, 2), run=run)
    missing = second.outlook().missing
    second.build()
    assert len(trainings) == len(missing) == 4  # two students, and one pruned and then fine-tuned
    assert all(lineage.startswith("victim") for lineage in trainings)
    assert second.outlook().sharing() == Sharing(common=3, alike=5, thieves=3)


def test_a_victim_of_another_architecture_costs_its_thieves_and_the_models_of_its_architecture(
    registry, digits, recipe, trainings, tmp_path
):
    run = fpframe.Run(store=tmp_path, registry=registry)
    plan_zoo(recipe, digits, victim=victim(registry, digits, STUDENT, 1), run=run).build()
    trainings.clear()
    second = plan_zoo(recipe, digits, victim=victim(registry, digits, "paper:arc-d", 1), run=run)
    shared = second.outlook().sharing()
    second.build()
    of_the_architecture = [lineage for lineage in trainings if not lineage.startswith("victim")]
    assert all("[victim]" in lineage for lineage in of_the_architecture)
    assert len(of_the_architecture) == shared.alike + 1  # pruned, to be fine-tuned then
    assert shared == Sharing(common=3, alike=5, thieves=3)


def test_a_recipe_with_another_seed_or_training_shares_nothing(registry, digits, recipe, trainings, tmp_path):
    run = fpframe.Run(store=tmp_path, registry=registry)
    owner = victim(registry, digits, STUDENT, 1)
    plan_zoo(recipe, digits, victim=owner, run=run).build()
    for other in (attrs.evolve(recipe, seed=1), attrs.evolve(recipe, training=attrs.evolve(ONCE, epochs=2))):
        plan = plan_zoo(other, digits, victim=owner, run=run)
        changed = {str(model.lineage) for model in plan.outlook().missing}
        assert {str(model.lineage) for model in plan.models} <= changed
