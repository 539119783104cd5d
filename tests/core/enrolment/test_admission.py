"""Models that are clearly less able than the victim do not calibrate; others are trained in their place."""

from __future__ import annotations

import attrs
import pytest

import fpframe
from fpframe.enrolment import admission
from fpframe.enrolment.admission import admit, require_able, top_up, victim_labels
from fpframe.models.training import Training
from fpframe.recipe.recipe import IndependentGroup, Recipe
from fpframe.zoo import Zoo
from fpframe.zoo.build import build_models
from fpframe.zoo.planner import plan_models
from fpframe.zoo.setting import open_workspace, prepare

BACKBONE = "paper:arc-e"


def recipe(epochs: int) -> Recipe:
    return Recipe(
        name="admission",
        training=Training(epochs=epochs, batch_size=32),
        as_able_as_victim=False,
        independent=(IndependentGroup(stratum="same-data", calibrate=3),),
    )


@pytest.fixture(scope="module")
def able_victim(registry, digits) -> fpframe.Victim:
    network = fpframe.build_backbone(registry, BACKBONE, 10, digits.image_shape, seed=1)
    training = Training(epochs=15, batch_size=32)
    few = digits.train[:479]  # as many as a third of the digits, which its models are trained on
    fpframe.train(network, few.pixels, few.labels, training, seed=1)
    return fpframe.Victim(network, backbone=BACKBONE)


def built(recipe, victim, digits, registry, store):
    run = fpframe.Run(store=store, registry=registry)
    workspace = open_workspace(recipe, digits, run)
    prepare(victim, recipe, workspace, run)
    return build_models(plan_models(recipe, registry), workspace, run), run, victim_labels(workspace, recipe.seed)


def test_a_stratum_of_weak_models_becomes_three_times_as_large_and_is_refused_in_the_end(
    able_victim, digits, registry, tmp_path
):
    zoo, run, victim = built(recipe(1), able_victim, digits, registry, tmp_path)
    told: list[str] = []
    told_run = attrs.evolve(run, on_event=lambda event: told.append(event.text))
    more = top_up(zoo, recipe(1), victim, told_run)
    assert len(more.models) == 9
    assert len({model.lineage.exact for model in more.models}) == 9
    assert more.models[:3] == zoo.models
    assert any("6 of 'same-data'" in text for text in told)
    admitted, ability = admit(more, victim, seed=0)
    assert (admitted, len(ability.left_out)) == ([], 9)
    with pytest.raises(
        fpframe.UsageError,
        match=r"of 9 calibration models of stratum 'same-data' 0 are as able as the victim \(accuracy 0\.9\d on 300",
    ):
        require_able(admitted, ability, wanted=more.models, alpha=0.1)


def test_where_all_are_able_nothing_further_is_trained(able_victim, digits, registry, tmp_path):
    zoo, run, victim = built(recipe(25), able_victim, digits, registry, tmp_path)
    assert top_up(zoo, recipe(25), victim, run).models == zoo.models
    admitted, ability = admit(zoo, victim, seed=0)
    assert admitted == list(zoo.models)
    assert ability.left_out == ()
    assert min(ability.accuracies()) > 0.85


def test_the_same_models_are_trained_in_the_same_places_again(able_victim, digits, registry, tmp_path):
    zoo, run, victim = built(recipe(1), able_victim, digits, registry, tmp_path)
    first = top_up(zoo, recipe(1), victim, run)
    second = top_up(zoo, recipe(1), victim, run)
    assert [model.lineage.exact for model in first.models] == [model.lineage.exact for model in second.models]


@attrs.frozen
class Student:
    """What `top_up` looks at of a model."""

    family: str
    able: bool = True
    stratum: str = "other-teacher"
    split: str = "calibrate"
    relation: str = "independent"


def trained_in_turn(monkeypatch, further: list[list[Student]]) -> list[int]:
    """Let `top_up` get these students in turn for those that it asks for, and return how many it asks for."""
    wanted: list[int] = []

    def planned(zoo, recipe, stratum, count, run, without):
        wanted.append(count)
        return further[len(wanted) - 1]

    monkeypatch.setattr(admission, "_further", planned)
    monkeypatch.setattr(
        admission, "admit", lambda zoo, victim, seed: ([each for each in zoo.models if each.able], None)
    )
    monkeypatch.setattr(admission, "announce", lambda more, workspace, run: None)
    monkeypatch.setattr(admission, "build_models", lambda more, workspace, run: Zoo(tuple(more), workspace))
    return wanted


def test_students_of_one_teacher_count_once_as_in_a_verdict(monkeypatch):
    wanted = trained_in_turn(monkeypatch, [[Student("a"), Student("b")], [Student("d")], [Student("e")]])
    zoo = Zoo((Student("a"), Student("b"), Student("c", able=False)), None)
    found = top_up(zoo, recipe(1), None, fpframe.Run())
    assert wanted == [2, 2]  # two of three families are able, before and after the first two students
    assert [each.family for each in found.models] == ["a", "b", "c", "a", "b", "d"]


def test_models_are_trained_until_enough_are_able_however_often_luck_is_bad(monkeypatch):
    weak = [[Student(f"weak {number}", able=False)] for number in range(4)]
    wanted = trained_in_turn(monkeypatch, [*weak, [Student("able")], [Student("too many")]])
    zoo = Zoo((Student("a"), Student("b"), Student("c", able=False)), None)
    found = top_up(zoo, recipe(1), None, fpframe.Run())
    assert found.models[-1].family == "able"
    assert len(wanted) == 5


def test_after_three_times_a_stratum_that_has_what_alpha_needs_stays_as_it_is(monkeypatch):
    wanted = trained_in_turn(monkeypatch, [[Student(f"weak {number}", able=False)] for number in range(4)])
    zoo = Zoo((Student("a"), Student("b"), Student("c", able=False)), None)
    enough = attrs.evolve(recipe(1), alpha=1 / 3)  # for which two models are needed
    assert len(top_up(zoo, enough, None, fpframe.Run()).models) == 3 + len(wanted) == 6


def test_a_stratum_whose_further_models_bring_no_family_ends(monkeypatch):
    wanted = trained_in_turn(monkeypatch, [[Student("a")]] * 100)
    zoo = Zoo((Student("a"), Student("b"), Student("c", able=False)), None)
    assert len(top_up(zoo, recipe(1), None, fpframe.Run()).models) == 3 + len(wanted) < 20
