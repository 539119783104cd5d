"""What is said of a victim that may have begun as a public model, as innocent models may have too."""

from __future__ import annotations

import attrs
import pytest

import fpframe
from fpframe.base import Note
from fpframe.cli import run
from fpframe.opening import Victim
from fpframe.recipe import Recipe, Run
from fpframe.zoo import open_workspace, prepare

CODE = "base-not-named"


def caveats_of(victim: Victim | None, registry, folder) -> set[str]:
    recipe, how = Recipe.load("tiny"), Run(registry=registry, store=folder)
    setting = prepare(victim, recipe, open_workspace(recipe, None, how), how, may_train=False)
    return {note.code for note in setting.caveats}


@pytest.fixture
def network(registry) -> fpframe.Classifier:
    return fpframe.build_backbone(registry, "paper:arc-e", 10, (1, 8, 8), seed=0)


@pytest.mark.parametrize(("said", "noted"), [({}, True), ({"from_scratch": True}, False)], ids=["unsaid", "scratch"])
def test_a_victim_of_the_user_has_an_unknown_origin_unless_it_is_said(said, noted, network, registry, tmp_path):
    assert (CODE in caveats_of(Victim(network, **said), registry, tmp_path)) is noted


def test_the_origin_of_a_victim_that_the_recipe_trains_is_known(registry, tmp_path):
    assert CODE not in caveats_of(None, registry, tmp_path)


@pytest.fixture(scope="module")
def enrolment(tiny_enrolment):
    """An enrolment of a victim of the user, of which nothing was said."""
    opened = fpframe.Enrolment.open(tiny_enrolment)
    return attrs.evolve(opened, assumptions=(*opened.assumptions, Note(CODE, "Nobody said where it came from.")))


@pytest.mark.parametrize("victims", [True, False], ids=["a copy", "an innocent"])
def test_it_stands_in_the_sentence_of_every_verdict(victims, enrolment, zoo):
    relation = "derived" if victims else "independent"
    model = next(model for model in zoo.models if (model.split, model.relation) == ("test", relation))
    verdict = fpframe.verify(enrolment, zoo.query(model))
    assert verdict.sentence.endswith(" Nobody said where it came from.")
    assert CODE in {note.code for note in verdict.caveats}


@pytest.fixture(scope="module")
def zoo(tiny_store):
    return fpframe.plan_zoo("tiny", run=Run(store=tiny_store)).build()


def test_a_calibration_on_models_of_the_same_base_takes_it_back(enrolment):
    models = tuple(
        attrs.evolve(model, stratum="same-base" if model.stratum == "same-data" else model.stratum)
        for model in enrolment.calibration.models
    )
    calibrated = attrs.evolve(enrolment, calibration=attrs.evolve(enrolment.calibration, models=models))
    assert CODE in {note.code for note in enrolment.caveats}
    assert CODE not in {note.code for note in calibrated.caveats}


def test_with_a_public_base_each_verdict_says_that_the_same_start_was_not_considered(enrolment, zoo):
    models = tuple(attrs.evolve(model, stratum="same-base") for model in enrolment.calibration.models)
    calibrated = attrs.evolve(enrolment, calibration=attrs.evolve(enrolment.calibration, models=models))
    assert "start-not-shared" not in {note.code for note in enrolment.caveats}
    suspect = next(model for model in zoo.models if model.split == "test")
    verdict = fpframe.verify(calibrated, zoo.query(suspect))
    assert "began with the very numbers that the victim's did" in verdict.sentence


def test_the_option_is_about_a_victim_of_the_user(capfd):
    assert run(["enroll", "--recipe", "tiny", "--from-scratch", "--out", "x.enrolment"]) == 2
    assert "--from-scratch is about a victim of your own; name it with --victim" in capfd.readouterr().err
