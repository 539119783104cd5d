"""Beside a victim that was trained for long, each architecture is trained until it is as able."""

from __future__ import annotations

import attrs
import pytest

import fpframe
from fpframe.errors import FpframeError
from fpframe.models.training import Training
from fpframe.recipe.recipe import IndependentGroup, Recipe
from fpframe.zoo import make
from fpframe.zoo.drawn import epochs_of
from fpframe.zoo.lengths import Length, unable, wants_lengths, with_lengths
from fpframe.zoo.plan import plan_zoo
from fpframe.zoo.planner import plan_models
from fpframe.zoo.setting import open_workspace, prepare, with_able_models

BACKBONE, OTHER = "paper:arc-e", "paper:arc-b"

RECIPE = Recipe(
    name="lengths",
    training=Training(epochs=1, batch_size=32),
    independent=(
        IndependentGroup(stratum="same-data", calibrate=1),
        IndependentGroup(
            stratum="other-architecture", calibrate=1, backbones=(OTHER,), test_backbones=("paper:arc-a",)
        ),
    ),
)


@pytest.fixture
def victim(registry, digits) -> fpframe.Victim:
    network = fpframe.build_backbone(registry, BACKBONE, 10, digits.image_shape, seed=1)
    fpframe.train(network, digits.train.pixels, digits.train.labels, Training(epochs=8, batch_size=32), seed=1)
    return fpframe.Victim(network, backbone=BACKBONE)


@pytest.fixture
def trained(monkeypatch) -> list[tuple[str, int]]:
    made, train = [], make._train

    def counted(model, workspace):
        made.append((model.lineage.architecture, model.fitted.epochs))
        return train(model, workspace)

    monkeypatch.setattr(make, "_train", counted)
    return made


def test_an_architecture_is_trained_twice_as_long_until_it_is_as_able_as_the_victim(
    registry, digits, victim, trained, tmp_path
):
    run = fpframe.Run(store=tmp_path, registry=registry)
    setting = with_able_models(prepare(victim, RECIPE, open_workspace(RECIPE, digits, run), run), run, own=True)
    lengths = [epochs for name, epochs in trained if name == "victim"]
    assert lengths == [1, 2, 4, 8, 16][: len(lengths)]
    assert len(lengths) > 2, "one epoch is too few, and so are two"
    found = setting.recipe.epochs
    assert set(found) == {"victim", OTHER}
    assert all(found[name] in {1, 2, 4, 8, 16} for name in found)
    assert found["victim"] == lengths[-1]
    assert setting.recipe.as_able_as_victim is False, "an enrolment says what was found"
    assert Recipe.parse(setting.recipe.to_toml()) == setting.recipe

    models = plan_models(setting.recipe, registry, splits=("calibrate",))
    assert [model.fitted.epochs for model in models] == [found["victim"], found[OTHER]]

    trained.clear()
    again = with_able_models(prepare(victim, RECIPE, open_workspace(RECIPE, digits, run), run), run, own=True)
    assert again.recipe == setting.recipe
    assert not trained, "what was tried is in the store"
    planned = plan_zoo(RECIPE, digits, victim=victim, run=run)
    assert planned.recipe == setting.recipe


DRAWN_RECIPE = attrs.evolve(
    RECIPE,
    independent=(
        IndependentGroup(stratum="other-architecture", calibrate=2, backbones=("random:*",)),
        IndependentGroup(stratum="wild", calibrate=4),
    ),
)


@pytest.mark.slow
def test_architectures_that_are_drawn_are_trained_as_long_as_most_of_a_few_of_them_need(
    registry, digits, victim, trained, tmp_path
):
    run = fpframe.Run(store=tmp_path, registry=registry)
    setting = prepare(victim, DRAWN_RECIPE, open_workspace(DRAWN_RECIPE, digits, run), run)
    recipe = with_able_models(setting, run, own=True).recipe
    assert set(recipe.epochs) == {"random:*"}
    assert recipe.epochs["random:*"] in {2, 4, 8, 16}, "one epoch is too few"
    tried = {name for name, _ in trained}
    assert len(tried) == 3
    assert all(name.startswith("random:") and not name.endswith("*") for name in tried)

    models = plan_models(recipe, registry, splits=("calibrate",))
    others = [model for model in models if model.stratum == "other-architecture"]
    assert [model.fitted.epochs for model in others] == [recipe.epochs["random:*"]] * 2
    strangers = [model for model in models if model.stratum == "wild"]
    by_gradient = [model for model in strangers if model.lineage.architecture.startswith("random:")]
    assert len(by_gradient) == 3
    assert all(model.fitted.epochs >= recipe.epochs["random:*"] for model in by_gradient)
    assert [model.fitted.epochs for model in strangers if model not in by_gradient] == [1], "it is fitted at once"


@pytest.mark.parametrize(
    ("architecture", "epochs"),
    [
        ("paper:arc-a", None),
        ("paper:arc-b", 3),
        ("random:7", 5),
        ("random:77", 9),
        ("sklearn:svm-1", None),
        ("victim", 2),
    ],
)
def test_epochs_of_a_drawn_architecture_are_those_of_its_own_or_of_its_source(architecture, epochs):
    known = {"paper:arc-b": 3, "random:*": 5, "random:77": 9, "victim": 2}
    assert epochs_of(architecture, known) == epochs


def test_a_plan_trains_nothing_and_building_it_finds_the_lengths(registry, digits, victim, trained, tmp_path):
    run = fpframe.Run(store=tmp_path, registry=registry)
    planned = plan_zoo(RECIPE, digits, victim=victim, run=run)
    assert not trained
    assert planned.recipe == RECIPE
    zoo = planned.build()
    assert {model.fitted.epochs for model in zoo.models} != {1}


@pytest.mark.parametrize(
    ("wanted", "own", "looks"), [(None, True, True), (None, False, False), (True, False, True), (False, True, False)]
)
def test_lengths_are_looked_for_beside_a_victim_that_somebody_brings_unless_the_recipe_says_otherwise(
    wanted, own, looks
):
    assert wants_lengths(attrs.evolve(RECIPE, as_able_as_victim=wanted), own=own) == looks


def test_architectures_that_stay_less_able_are_named():
    lengths = [
        Length(backbone="victim", epochs=4, accuracy=0.9, able=True),
        Length(backbone=OTHER, epochs=16, accuracy=0.5, able=False),
    ]
    [note] = unable(lengths)
    assert note.code == "architecture-less-able"
    assert f"{OTHER} (accuracy 0.50)" in note.text
    assert unable(lengths[:1]) == ()
    assert with_lengths(RECIPE, lengths).epochs == {"victim": 4, OTHER: 16}


def test_epochs_of_single_architectures_are_for_students_and_teachers_alike(registry):
    recipe = attrs.evolve(
        RECIPE,
        epochs={OTHER: 7},
        independent=(
            *RECIPE.independent,
            IndependentGroup(stratum="other-teacher", calibrate=2, backbones=("victim", OTHER)),
        ),
        derived=(fpframe.Recipe.load("tiny").derived[0],),
    )
    models = plan_models(recipe, registry, splits=("calibrate",))
    told = {link.lineage.exact: link.fitted.epochs for model in models for link in model.chain}
    assert {epochs for lineage, epochs in told.items()} == {1, 7}
    for model in models:
        for link in model.chain:
            assert link.fitted.epochs == (7 if link.lineage.architecture == OTHER else 1)
            assert model.training_of(link.lineage) == link.fitted


@pytest.mark.parametrize("epochs", [0, -1, True, 1.5, "3"])
def test_epochs_that_are_no_number_of_passes_are_refused(epochs):
    with pytest.raises(FpframeError, match="paper:arc-b"):
        attrs.evolve(RECIPE, epochs={OTHER: epochs})


def test_a_recipe_that_says_nothing_of_epochs_keeps_its_bytes():
    text = RECIPE.to_toml()
    assert "[epochs]" not in text
    assert "as_able" not in text
