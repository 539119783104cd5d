"""Thieves who only see answers: what they ask, what they may see, and that they get what they came for."""

from __future__ import annotations

import copy

import pytest
import torch

from fpframe import AttackContext, ParameterError, ResourceError, Training
from fpframe.models.classifier import state_digest
from plugins.attacks.thieves_of_answers import ATTACKS, BRIEFLY, CONTEXT, Watched, agreement, without_labels

every_attack = pytest.mark.parametrize("attack", ATTACKS)


@every_attack
@pytest.mark.parametrize("labels", ["soft", "top1"])
def test_a_student_learns_the_victims_answers_and_not_the_true_labels(
    make, digits, loot, blackbox, student, attack, labels
):
    copied = make(attack, labels=labels).simulate(
        student, blackbox.as_query(), without_labels(loot), context=CONTEXT, seed=0
    )
    assert agreement(copied, blackbox, digits.test.pixels) > 0.75


@every_attack
def test_without_a_teacher_the_true_labels_are_learned(make, digits, student, attack):
    thief = make(attack)
    assert thief.takes_true_labels
    fitted = thief.simulate(student, None, digits.train, context=CONTEXT, seed=0)
    assert fitted.accuracy(digits.test.pixels, digits.test.labels) > 0.85


@every_attack
def test_a_top1_thief_never_sees_probabilities(make, loot, blackbox, student, attack):
    digests = set()
    for outputs in ("logits", "labels"):
        thief = make(attack, labels="top1")
        teacher = Watched(blackbox, outputs=outputs)
        fitted = thief.simulate(copy.deepcopy(student), teacher, loot[:200], context=BRIEFLY, seed=0)
        digests.add(state_digest(fitted.module))
    soft = make(attack, labels="soft").simulate(student, Watched(blackbox), loot[:200], context=BRIEFLY, seed=0)
    assert len(digests) == 1
    assert state_digest(soft.module) not in digests


@every_attack
def test_every_query_is_an_8_bit_image_and_is_counted(make, loot, blackbox, student, attack):
    teacher = Watched(blackbox)
    make(attack).simulate(student, teacher, loot[:100], context=BRIEFLY, seed=0)
    pixels = torch.cat(teacher.asked)
    expected = {"extract-noise": 200, "extract-adversarial": 200, "extract-jacobian": 20 * 8}.get(attack, 100)
    assert len(pixels) == teacher.spent == expected
    assert torch.equal((pixels * 255).round() / 255, pixels)
    assert pixels.min() >= 0
    assert pixels.max() <= 1


@every_attack
def test_the_budget_is_enforced_by_the_teacher_and_spent_no_further(make, loot, blackbox, student, attack):
    teacher = Watched(blackbox)
    teacher(loot.pixels[:7])  # what was asked before the attack is not part of its budget
    make(attack, budget=101).simulate(student, teacher, loot, context=BRIEFLY, seed=0)
    assert 90 < sum(map(len, teacher.asked[1:])) == teacher.spent - 7 <= 101
    with pytest.raises(ResourceError, match="more queries are needed"):
        teacher(loot.pixels[:12])


@every_attack
def test_a_budget_does_not_loosen_the_limit_of_the_teacher(make, loot, blackbox, student, attack):
    teacher = Watched(blackbox)
    teacher.max_queries = 50
    with pytest.raises(ResourceError, match="more queries are needed"):
        make(attack, budget=101).simulate(student, teacher, loot, context=BRIEFLY, seed=0)
    assert teacher.spent <= 50


@pytest.mark.parametrize(
    ("attack", "images_each"),
    [("extract", 1), ("extract-noise", 4), ("extract-adversarial", 4), ("extract-jacobian", 8), ("knockoff", 1)],
)
def test_a_budget_below_two_natural_images_and_their_copies_is_refused(make, attack, images_each):
    rounds = {} if attack == "extract" else {"rounds": 3}
    make(attack, budget=2 * images_each, **rounds)
    with pytest.raises(ParameterError, match=rf"'budget' of '{attack}' .*at least {2 * images_each}"):
        make(attack, budget=2 * images_each - 1, **rounds)


@every_attack
def test_the_same_seed_gives_the_same_student_and_leaves_global_randomness_alone(make, loot, blackbox, student, attack):
    before = torch.random.get_rng_state()
    first, second, other = (
        state_digest(
            make(attack)
            .simulate(copy.deepcopy(student), blackbox.as_query(), loot[:200], context=BRIEFLY, seed=seed)
            .module
        )
        for seed in (5, 5, 6)
    )
    assert first == second != other
    assert torch.equal(torch.random.get_rng_state(), before)


@every_attack
@pytest.mark.parametrize("epochs", [1, 7])
@pytest.mark.parametrize("budget", [None, 53])
def test_image_passes_are_what_is_learned_from(make, loot, blackbox, student, trainings, attack, epochs, budget):
    thief = make(attack, budget=budget)
    context = AttackContext(training=Training(epochs=epochs, batch_size=32))
    thief.simulate(student, blackbox.as_query(), loot[:150], context=context, seed=0)
    learned = sum(len(pixels) * training.epochs for pixels, _, training, _ in trainings.calls)
    assert thief.image_passes(150, epochs) == learned > 0


def test_thieves_need_no_pool_of_their_own_accord(make):
    assert all(make(attack).pools == () for attack in ATTACKS)
