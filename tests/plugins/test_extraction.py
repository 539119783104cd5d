"""The extraction attack: what it asks, what it may see, and that it works."""

from __future__ import annotations

import pytest
import torch

from fpframe.backbones import build_backbone
from fpframe.errors import ResourceError
from fpframe.interfaces import AttackContext
from fpframe.query import Query
from fpframe.training import Training, train


@pytest.fixture(scope="module")
def digits(registry):
    return registry.create("dataset", "digits").open("", root=None)


@pytest.fixture(scope="module")
def victim(registry, digits):
    network = build_backbone(registry, "paper:arc-a", num_classes=10, image_shape=(1, 8, 8), seed=0)
    half = digits.train[:700]
    return train(network, half.pixels, half.labels, Training(epochs=10, batch_size=32), seed=0)


@pytest.fixture
def student(registry):
    return build_backbone(registry, "paper:arc-e", num_classes=10, image_shape=(1, 8, 8), seed=1)


CONTEXT = AttackContext(training=Training(epochs=8, batch_size=32))


@pytest.mark.parametrize("queries", ["natural", "noise", "adversarial"])
@pytest.mark.parametrize("labels", ["soft", "hard"])
def test_a_student_learns_the_victims_answers_and_not_the_true_labels(
    registry, digits, victim, student, queries, labels
):
    loot = digits.train[700:]
    blind = type(loot)(loot.images, torch.zeros_like(loot.labels))  # true labels would teach it to say zero
    attack = registry.create("attack", "extraction", queries=queries, labels=labels)
    copy = attack.simulate(student, victim.as_query(), blind, context=CONTEXT, seed=0)
    agreement = (
        (copy.logits(digits.test.pixels).argmax(1) == victim.logits(digits.test.pixels).argmax(1)).float().mean()
    )
    assert agreement > 0.75


def test_every_query_is_an_8_bit_image(registry, digits, victim, student):
    asked = []

    def watch(pixels):
        asked.append(pixels.clone())
        return victim.logits(pixels)

    for queries in ("natural", "noise", "adversarial"):
        attack = registry.create("attack", "extraction", queries=queries, rounds=2, epsilon=0.07)
        teacher = Query(watch, num_classes=10, outputs="logits")
        attack.simulate(student, teacher, digits.train[:50], context=CONTEXT, seed=0)
    pixels = torch.cat(asked)
    assert len(pixels) == 50 * (1 + 3 + 3)
    assert torch.allclose(pixels * 255, (pixels * 255).round(), atol=1e-4)
    assert pixels.min() >= 0
    assert pixels.max() <= 1


def test_adversarial_queries_are_images_that_the_student_of_the_last_round_finds_harder(
    registry, digits, victim, student
):
    asked = []

    def watch(pixels):
        asked.append(pixels.clone())
        return victim.logits(pixels)

    attack = registry.create("attack", "extraction", queries="adversarial", epsilon=0.2)
    teacher = Query(watch, num_classes=10, outputs="logits", batch_size=1000)
    attack.simulate(student, teacher, digits.train[:300], context=CONTEXT, seed=0)
    natural, crafted = asked
    assert ((natural - crafted).abs() <= 0.2 + 1 / 255).all()
    drop = [float((student.logits(x).argmax(1) == victim.logits(natural).argmax(1)).float().mean()) for x in asked]
    assert drop[1] < drop[0]


def test_the_budget_is_never_exceeded(registry, digits, victim, student):
    for queries in ("natural", "noise", "adversarial"):
        teacher = victim.as_query()
        attack = registry.create("attack", "extraction", queries=queries, budget=101)
        attack.simulate(student, teacher, digits.train[:300], context=CONTEXT, seed=0)
        assert 0 < teacher.spent <= 101
        with pytest.raises(ResourceError):
            teacher(digits.train[:100].pixels)


def test_without_a_teacher_the_true_labels_are_learned(registry, digits, victim, student):
    attack = registry.create("attack", "extraction", queries="noise")
    fitted = attack.simulate(student, None, digits.train, context=CONTEXT, seed=0)
    assert fitted.accuracy(digits.test.pixels, digits.test.labels) > 0.85


def test_the_same_seed_gives_the_same_student(registry, digits, victim):
    students = []
    for seed in (5, 5, 6):
        student = build_backbone(registry, "paper:arc-e", num_classes=10, image_shape=(1, 8, 8), seed=1)
        attack = registry.create("attack", "extraction", queries="noise")
        attack.simulate(student, victim.as_query(), digits.train[:200], context=CONTEXT, seed=seed)
        students.append(student.module.state_dict())
    assert all(torch.equal(students[0][name], students[1][name]) for name in students[0])
    assert any(not torch.equal(students[0][name], students[2][name]) for name in students[0])
