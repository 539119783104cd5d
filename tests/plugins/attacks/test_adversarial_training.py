"""`adversarial-training` learns from adversarial images."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F

import fpframe
from plugins.attacks.thieves_of_weights import changed, state


def test_adversarial_training_lowers_the_success_of_fast_gradient_signs(steal, victim, digits):
    stolen = steal("adversarial-training", epsilon=0.1, epochs=4)
    assert fgsm_success(stolen, digits.test) < 0.9 * fgsm_success(victim, digits.test)


def fgsm_success(model, images, epsilon=0.1):
    """Return the share of images that get a wrong label after one signed gradient step."""
    pixels = images.pixels.clone().requires_grad_(True)
    with fpframe.evaluating(model):
        (slope,) = torch.autograd.grad(F.cross_entropy(model(pixels), images.labels), pixels)
    return 1 - model.accuracy((images.pixels + epsilon * slope.sign()).clamp(0, 1), images.labels)


@pytest.mark.parametrize("steps", [1, 3])
def test_one_half_of_each_batch_is_adversarial_within_its_bound(registry, victim, loot, steps):
    attack = registry.create("attack", "adversarial-training", epsilon=0.07, steps=steps)
    model, pixels, labels = copy.deepcopy(victim), loot.pixels[:40], loot.labels[:40]
    statistics = state(model)
    moved = attack._disturb(model.train(), pixels, labels)
    assert torch.equal(moved[20:], pixels[20:])
    shift = (moved - pixels)[:20]
    assert 0.05 < float(shift.abs().max()) <= 0.07 + 1e-6
    assert float(moved.min()) >= 0
    assert float(moved.max()) <= 1
    assert not changed(statistics, state(model)), "crafting must not move the statistics of batch normalisation"
    harder = F.cross_entropy(victim.logits(moved[:20]), labels[:20])
    assert harder > F.cross_entropy(victim.logits(pixels[:20]), labels[:20]) + 0.1
