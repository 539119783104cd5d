"""An able suspect does not stand out from weak calibration models: what a verdict makes of ability."""

from __future__ import annotations

import math

import attrs
import pytest
import torch

import fpframe
from fpframe.enrolment.ability import Ability
from fpframe.enrolment.enrolment import Enrolment
from fpframe.verification.standing import NOT_ENROLLED, NOT_RECORDED, Standing
from fpframe.verification.yardsticks import Yardsticks
from frozen import ENROLMENT, answers

TESTS = ("conformal", "sequential", "welch", "welch-by-stratum")


@pytest.fixture(scope="module")
def enrolment(tiny_enrolment) -> Enrolment:
    return Enrolment.open(tiny_enrolment)


def weakened(enrolment: Enrolment, stratum: str, count: int) -> Enrolment:
    """Return an enrolment of which some models of a stratum get nothing right."""
    ability = enrolment.ability
    assert ability is not None
    models = ability.models.clone()
    rows = enrolment.calibration.rows[stratum][:count]
    models[rows] = (ability.truth + 1) % len(enrolment.classes)
    return attrs.evolve(enrolment, ability=attrs.evolve(ability, models=models))


def standing(enrolment: Enrolment, accuracy: float) -> Standing:
    """Return the standing of a suspect that gets some share of the images right."""
    ability = enrolment.ability
    assert ability is not None
    right = torch.arange(len(ability.truth)) < accuracy * len(ability.truth)
    labels = torch.where(right, ability.truth, (ability.truth + 1) % 10).long()
    return Standing.of(ability, torch.nn.functional.one_hot(labels, 10).float())


def copy_scores(enrolment: Enrolment) -> list[float]:
    return [1.0] * enrolment.queries.views


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("count", [1, 9])
def test_a_copy_is_not_accused_where_too_few_models_are_as_able(enrolment, registry, test, count):
    weak = weakened(enrolment, "other-teacher", count)
    yardstick = Yardsticks(weak, registry).of("probs")
    assert yardstick.decide(copy_scores(weak), alpha=0.1, test=test).verdict == "DERIVED"
    decision = yardstick.decide(copy_scores(weak), alpha=0.1, test=test, standing=standing(weak, 0.6))
    assert decision.verdict == "INCONCLUSIVE"
    assert decision.reason is not None
    assert decision.reason.code == "calibration-less-able"
    assert f"{count} of" in decision.reason.text
    assert "'other-teacher'" in decision.reason.text
    assert math.isnan(decision.p_value)


@pytest.mark.parametrize("test", ["welch", "welch-by-stratum"])
def test_a_t_test_at_a_level_that_no_count_reaches_is_not_stopped_by_able_models(enrolment, registry, test):
    yardstick = Yardsticks(enrolment, registry).of("probs")
    able = Standing.of(enrolment.ability, torch.nn.functional.one_hot(enrolment.ability.victim.long(), 10).float())
    scores = [0.999 + i / 1e5 for i in range(enrolment.queries.views)]
    assert yardstick.decide(scores, alpha=1e-4, test=test, standing=able).verdict == "DERIVED"


@pytest.mark.parametrize("test", TESTS)
def test_a_suspect_that_stands_out_from_nobody_is_not_shown_whatever_its_ability(enrolment, registry, test):
    yardstick = Yardsticks(weakened(enrolment, "other-teacher", 9), registry).of("probs")
    low = [-0.9] * enrolment.queries.views
    assert yardstick.decide(low, alpha=0.1, test=test, standing=standing(enrolment, 1.0)).verdict == "NOT_SHOWN"


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("unknown", [NOT_ENROLLED, NOT_RECORDED])
def test_nobody_is_called_derived_whose_ability_is_not_known(enrolment, registry, test, unknown):
    yardstick = Yardsticks(enrolment, registry).of("probs")
    decision = yardstick.decide(copy_scores(enrolment), alpha=0.1, test=test, standing=Standing(unknown=unknown))
    assert (decision.verdict, decision.reason) == ("INCONCLUSIVE", unknown)


@pytest.mark.parametrize("test", TESTS)
def test_a_suspect_that_every_calibration_model_is_abler_than_is_not_accused(enrolment, registry, test):
    yardstick = Yardsticks(enrolment, registry).of("probs")
    ability = enrolment.ability
    assert ability is not None
    weak = standing(enrolment, min(ability.accuracies()) - 0.2)
    assert weak.all_abler
    decision = yardstick.decide(copy_scores(enrolment), alpha=0.1, test=test, standing=weak)
    assert decision.verdict == "INCONCLUSIVE"
    assert decision.reason is not None
    assert decision.reason.code == "suspect-less-able"
    assert f"{weak.accuracy:.2f}" in decision.reason.text
    low = [-0.9] * enrolment.queries.views
    assert yardstick.decide(low, alpha=0.1, test=test, standing=weak).verdict == "NOT_SHOWN"


def test_one_calibration_model_that_is_about_as_weak_lets_no_suspect_be_accused(enrolment, registry):
    """What one weak model scores says little of others; see the page on strangers."""
    weak = weakened(enrolment, "other-teacher", 1)
    found = standing(weak, 0.02)
    assert not found.all_abler
    assert found.too_weak
    decision = Yardsticks(weak, registry).of("probs").decide(copy_scores(weak), alpha=0.1, standing=found)
    assert decision.verdict == "INCONCLUSIVE"
    assert decision.reason is not None
    assert decision.reason.code == "suspect-less-able"
    assert f"than the victim ({enrolment.ability.victim_accuracy:.2f})" in decision.reason.text


@pytest.mark.parametrize(("lost", "verdict"), [(0.04, "DERIVED"), (0.1, "INCONCLUSIVE")])
def test_a_thief_may_lose_some_accuracy_and_a_model_that_lacks_more_is_not_accused(enrolment, registry, lost, verdict):
    found = standing(enrolment, enrolment.ability.victim_accuracy - lost)
    decision = Yardsticks(enrolment, registry).of("probs").decide(copy_scores(enrolment), alpha=0.1, standing=found)
    assert decision.verdict == verdict


@pytest.mark.parametrize(
    ("differing", "allowed"),
    [(0, 0.05), (18, 0.05), (60, 2 * math.sqrt(0.2 / 300))],
    ids=["models that all answer as the victim", "an easy task", "a hard task"],
)
def test_the_weakest_suspect_is_as_weak_as_models_that_may_calibrate(differing, allowed):
    truth = torch.zeros(300, dtype=torch.int16)
    victim = truth.clone()
    victim[:30] = 1
    models = victim.repeat(3, 1)
    models[:, : differing // 2] = 0
    models[:, 30 : 30 + differing - differing // 2] = 1
    images = torch.zeros(300, 1, 1, 1, dtype=torch.uint8)
    ability = Ability(images=images, truth=truth, victim=victim, models=models)
    assert ability.weakest == pytest.approx(0.9 - allowed, abs=1e-9)
    assert attrs.evolve(ability, models=models[:0]).weakest == pytest.approx(0.85)


def test_a_suspect_as_able_as_the_victim_is_held_to_all_models(enrolment, registry):
    yardstick = Yardsticks(enrolment, registry).of("probs")
    ability = enrolment.ability
    assert ability is not None
    answered = torch.nn.functional.one_hot(ability.victim.long(), 10).float()
    victim = Standing.of(ability, answered)
    assert victim.accuracy == ability.victim_accuracy
    assert not any(victim.less_able), "those are left out at the enrolment"
    assert yardstick.decide(copy_scores(enrolment), alpha=0.1, standing=victim).verdict == "DERIVED"


def test_a_verdict_says_how_able_suspect_and_victim_are(enrolment, registry, digits):
    """An able stranger: the nearest training image, right on nearly all test images."""
    train = digits.train

    def nearest(pixels: torch.Tensor) -> torch.Tensor:
        near = torch.cdist(pixels.flatten(1), train.pixels.flatten(1)).argmin(1)
        return torch.nn.functional.one_hot(train.labels[near], 10).float()

    verdict = fpframe.verify(enrolment, nearest, registry=registry)
    told = verdict.to_dict()
    assert told["ability"]["images"] == len(enrolment.able) == 300
    assert told["ability"]["suspect"] > 0.95
    assert told["ability"]["victim"] == enrolment.ability.victim_accuracy
    assert verdict.verdict != "DERIVED"
    assert fpframe.Verdict.from_dict(told) == verdict


def test_models_that_are_clearly_less_able_than_the_victim_do_not_calibrate(enrolment):
    ability = enrolment.ability
    assert ability is not None
    assert len(ability.models) == len(enrolment.calibration.models)
    assert not any(ability.less_able_than(ability.victim))


def test_who_may_calibrate_is_decided_by_the_victim_and_the_rest_is_listed():
    truth = torch.arange(100, dtype=torch.int16) % 10
    wrong = (truth + 1) % 10
    victim = torch.where(torch.arange(100) < 90, truth, wrong)
    labels = torch.stack([torch.where(torch.arange(100) < right, truth, wrong) for right in (60, 85, 87, 100)])
    nobody = Ability(images=torch.zeros(100, 1, 2, 2), truth=truth, victim=victim, models=labels[:0])
    admitted, rows = nobody.admitting(labels, ["a", "b", "c", "d"])
    assert rows == [2, 3]
    assert admitted.left_out == ("a", "b")
    assert admitted.accuracies() == [0.87, 1.0]


def test_an_enrolment_of_an_earlier_release_accuses_nobody():
    [verdict] = fpframe.verify_many(ENROLMENT, answers=[answers("derived")])
    assert (verdict.verdict, verdict.reason_code) == ("INCONCLUSIVE", "enrolment-lacks-ability")
    assert verdict.ability.images == 0
