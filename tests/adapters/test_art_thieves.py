"""Thieves by the code of the Adversarial Robustness Toolbox: what they ask, what they learn and what they refuse."""

from __future__ import annotations

import copy
from functools import cache

import pytest
import torch
from torch import nn

import fpframe
from fpframe import AttackContext, Classifier, ModelError, ParameterError, Training, UsageError
from fpframe.rng import isolated
from fpframe.testing.bench import CLASSES, SIDE, Bench
from fpframe.testing.parametrized import parametrize_with_checks
from fpframe.testing.results import checks_for, run_check
from fpframe_plugins.attacks.art_copycat import ArtCopycat
from fpframe_plugins.attacks.art_functionally_equivalent import ArtFunctionallyEquivalent
from fpframe_plugins.attacks.art_knockoff import ArtKnockoff

CONTEXT = AttackContext(training=Training(epochs=8, batch_size=32, learning_rate=1e-2))
ADAPTIVE = ArtKnockoff(labels="top1", policy="adaptive", reward="cert", budget=20)


class Plain(ArtFunctionallyEquivalent):
    __doc__ = ArtFunctionallyEquivalent.__doc__

    expected_failures = {}  # noqa: RUF012


class TwoLayers(Bench):
    """A bench whose networks can be solved for."""

    def untrained(self, *, channels: int = 1, seed: int = 0) -> Classifier:
        with isolated(seed):
            layers = nn.Sequential(
                nn.Flatten(), nn.Linear(channels * SIDE * SIDE, 8), nn.Dropout(), nn.ReLU(), nn.Linear(8, CLASSES)
            )
        shape = (channels, SIDE, SIDE)
        return Classifier(layers, num_classes=CLASSES, image_shape=shape, address="conformance:two-layers").eval()


@parametrize_with_checks(
    [
        ArtCopycat(),
        ArtCopycat(labels="soft"),
        ArtFunctionallyEquivalent(),
        ArtKnockoff(),
        ArtKnockoff(labels="top1"),
        ADAPTIVE,
    ]
)
def test_a_thief_keeps_its_promises(check):
    check()


BENCH = TwoLayers()


@pytest.mark.parametrize("check", checks_for(Plain()), ids=lambda check: check.name)
def test_what_the_kit_cannot_try_on_convolutions_holds_for_two_layers(check):
    result = run_check(check, Plain(), BENCH)
    if result.outcome == "skipped":
        pytest.skip(result.text)
    assert result.outcome == "passed", result.text


@cache
def scene() -> tuple[Classifier, fpframe.Images, fpframe.Images]:
    """Return a victim, and the images of the thief and of the test."""
    bench = Bench()
    return bench.classifier(), bench.images(200, seed=20), bench.images(200, seed=21)


def stolen(
    attack: fpframe.AttackSimulator, *, truth: bool = False, context: AttackContext = CONTEXT
) -> tuple[Classifier, int]:
    """Return a student, and how many images the victim was sent."""
    victim, loot, _ = scene()
    teacher = victim.as_query()
    student = Bench().untrained(seed=9)
    made = attack.simulate(student, None if truth else teacher, loot, context=context, seed=0)
    return made, teacher.spent


def agreement(one: Classifier, other: Classifier) -> float:
    pixels = scene()[2].pixels
    return float((one.labels(pixels) == other.labels(pixels)).float().mean())


@pytest.mark.parametrize(
    ("attack", "sent"),
    [(ArtCopycat(), 200), (ArtKnockoff(), 200), (ArtKnockoff(budget=50), 50)],
    ids=["copycat", "knockoff", "few"],
)
def test_a_student_answers_as_its_victim_does_after_no_more_images_than_the_budget(attack, sent):
    student, asked = stolen(attack)
    assert asked == sent
    assert agreement(student, scene()[0]) > 0.6  # by chance a quarter


@pytest.mark.parametrize("reward", ["cert", "div", "loss", "all"])
def test_the_adaptive_policy_learns_too(reward):
    # each image is one step of its own, so that the rate has to be lower
    context = AttackContext(training=Training(epochs=20, batch_size=32, learning_rate=1e-3))
    attack = ArtKnockoff(labels="top1", policy="adaptive", reward=reward, budget=100)
    student, asked = stolen(attack, context=context)
    assert asked == 100
    assert agreement(student, scene()[0]) > 0.4  # by chance a quarter


def test_a_student_of_true_labels_learns_the_classes():
    _, _, test = scene()
    student, asked = stolen(ArtCopycat(), truth=True)
    assert asked == 0
    assert student.accuracy(test.pixels, test.labels) > 0.6


def test_global_random_numbers_decide_nothing():
    with isolated(1):
        first, _ = stolen(ArtCopycat())
    with isolated(2):
        second, _ = stolen(ArtCopycat())
    assert all(map(torch.equal, first.state_dict().values(), second.state_dict().values()))


def test_the_adaptive_policy_refuses_what_art_cannot_do():
    with pytest.raises(ParameterError, match="'labels' of 'art-knockoff' must be top1 with policy=adaptive"):
        ArtKnockoff(policy="adaptive")
    with pytest.raises(UsageError, match="cannot be followed with true labels by the adaptive policy"):
        stolen(ADAPTIVE, truth=True)


def test_a_failure_of_art_is_one_line():
    victim, loot, _ = scene()
    layers = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, CLASSES), nn.BatchNorm1d(CLASSES))
    student = Classifier(layers, num_classes=CLASSES, image_shape=(1, SIDE, SIDE))
    with pytest.raises(ModelError, match=r"ART's KnockoffNets failed: Expected more than 1 value per channel") as error:
        ADAPTIVE.simulate(student, victim.as_query(), loot, context=CONTEXT, seed=0)
    assert "\n" not in str(error.value)


def test_a_network_of_two_layers_is_solved_for_its_weights():
    victim = TwoLayers().classifier()
    _, loot, test = scene()
    solved = ArtFunctionallyEquivalent().simulate(copy.deepcopy(victim), None, loot, context=CONTEXT, seed=0)
    assert not torch.allclose(solved.module[1].weight, victim.module[1].weight, atol=0.01)
    assert float((solved.labels(test.pixels) == victim.labels(test.pixels)).float().mean()) > 0.95


def test_other_networks_are_refused_in_one_sentence():
    victim, loot, _ = scene()
    expected = r"takes networks of a linear layer, a ReLU and a linear layer alone \(got Conv2d, BatchNorm2d, ReLU"
    with pytest.raises(ModelError, match=expected):
        ArtFunctionallyEquivalent().simulate(copy.deepcopy(victim), None, loot, context=CONTEXT, seed=0)


def test_a_search_that_finds_nothing_ends_and_says_why():
    victim, (_, loot, _) = TwoLayers().classifier(), scene()
    attack = ArtFunctionallyEquivalent(tries=2, budget=100)
    with pytest.raises(ModelError, match=r"failed in 2 tries: 100 points were not enough \(art-functionally-equiv"):
        attack.simulate(victim, None, loot, context=CONTEXT, seed=0)
