"""Strangers' models: each of another architecture, with other images, trained in another way."""

from collections import Counter

import attrs
import pytest

import fpframe
from fpframe import Recipe, Run, Training
from fpframe.models.fitted import Fitted
from fpframe.recipe.recipe import DerivedGroup, IndependentGroup
from fpframe.zoo import plan_models, plan_zoo
from fpframe.zoo.build import build_models, missing_models
from fpframe.zoo.keys import model_key
from fpframe.zoo.parts import is_part

RECIPE = Recipe(
    name="strange",
    training=Training(epochs=4, batch_size=32),
    independent=(
        IndependentGroup(stratum="same-data", fit=1, calibrate=1, test=1),
        IndependentGroup(stratum="wild", fit=8, calibrate=40, test=8),
    ),
    derived=(DerivedGroup(attack="finetune(all)", fit=1, test=1),),
)


@pytest.fixture(scope="module")
def strangers(registry):
    return [model for model in plan_models(RECIPE, registry) if model.stratum == "wild"]


def test_every_stranger_has_an_architecture_and_a_family_of_its_own(strangers):
    assert len({model.lineage.architecture for model in strangers}) == len(strangers) == 56
    assert len({model.family for model in strangers}) == 56


def test_strangers_differ_in_images_length_optimiser_augmentation_and_labels(strangers):
    trained = [model for model in strangers if model.lineage.architecture.startswith("random:")]
    assert all(model.trained and is_part(model.lineage.last.data) for model in strangers)
    assert {model.lineage.last.data.partition(":")[0] for model in strangers} == {"victim", "thief", "everything"}
    assert len({model.lineage.last.data for model in strangers}) > 40
    for setting, least in {
        "epochs": 3,
        "batch_size": 3,
        "learning_rate": 6,
        "weight_decay": 3,
        "optimizer": 2,
        "augmentations": 6,
        "label_smoothing": 3,
    }.items():
        assert len({getattr(model.training, setting) for model in trained}) >= least, setting


def test_strangers_train_as_long_as_the_others_or_longer(strangers):
    trained = [model.training for model in strangers if model.lineage.architecture.startswith("random:")]
    assert {training.epochs >= RECIPE.training.epochs for training in trained} == {True}


def test_one_stranger_in_four_is_not_made_by_gradient_descent_and_none_of_them_fits_an_encoder(strangers):
    kinds = Counter((model.split, model.lineage.architecture.partition(":")[0]) for model in strangers)
    assert kinds == {
        ("fit", "random"): 8,
        ("calibrate", "random"): 30,
        ("calibrate", "sklearn"): 10,
        ("test", "random"): 6,
        ("test", "sklearn"): 2,
    }


def test_the_recipes_seed_decides_every_stranger(registry, strangers):
    again, other = (
        [model for model in plan_models(attrs.evolve(RECIPE, seed=seed), registry) if model.stratum == "wild"]
        for seed in (0, 1)
    )
    assert again == strangers
    assert not {model.lineage.architecture for model in other} & {model.lineage.architecture for model in strangers}


def test_a_second_group_goes_on_where_the_first_ended(registry):
    split = tuple(
        IndependentGroup(stratum="wild", fit=fit, calibrate=calibrate, test=test)
        for fit, calibrate, test in ((3, 10, 2), (5, 30, 6))
    )
    recipe = attrs.evolve(RECIPE, independent=(RECIPE.independent[0], *split))
    one, other = (
        sorted(model.lineage.exact for model in plan_models(each, registry) if model.stratum == "wild")
        for each in (RECIPE, recipe)
    )
    assert one == other


def test_a_recipe_may_name_the_architectures_of_strangers(registry):
    group = IndependentGroup(stratum="wild", calibrate=4, backbones=("paper:arc-b", "random:*"))
    models = plan_models(attrs.evolve(RECIPE, independent=(group,), derived=()), registry)
    assert [model.lineage.architecture.partition(":")[0] for model in models] == ["paper", "random"] * 2
    assert len({model.training.epochs for model in models}) > 1


def test_strangers_are_trained_stored_and_found_again(workspace, strangers):
    """One that is trained, and one of each kind that is fitted at once."""
    calibrating = [model for model in strangers if model.split == "calibrate"]
    at_once = {model.lineage.architecture.rpartition("-")[0]: model for model in calibrating[3::4]}
    chosen = [calibrating[0], *at_once.values()]
    zoo = build_models(chosen, workspace)
    assert missing_models(chosen, workspace) == []
    assert [isinstance(zoo.load(model).module, Fitted) for model in chosen] == [False] + 5 * [True]
    test = workspace.dataset.test
    for model in chosen:
        labels = zoo.query(model)(test.pixels).argmax(1)
        assert float((labels == test.labels).float().mean()) == pytest.approx(zoo.accuracy(model), abs=1e-6)
        # sixteen steps of training teach a network little
        assert model is chosen[0] or zoo.accuracy(model) > 0.3, model.lineage


def test_two_settings_of_one_architecture_are_two_models(registry, tmp_path):
    plan = plan_zoo(RECIPE, run=Run(store=tmp_path / "store"))
    model = next(model for model in plan.models if model.stratum == "wild")
    other = attrs.evolve(model, training=attrs.evolve(model.training, label_smoothing=0.2))
    assert model_key(model, plan.workspace) != model_key(other, plan.workspace)
    assert fpframe.Lineage.parse(model.lineage.exact, registry) == model.lineage
