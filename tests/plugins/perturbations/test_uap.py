"""`uap` fools a model on images that it has not seen."""

from __future__ import annotations

from fpframe_plugins.perturbations.random_sign import RandomSign
from fpframe_plugins.perturbations.uap import Uap
from plugins.perturbations.small_models import digits, fooled, make


def test_uap_fools_most_held_out_digits_and_random_sign_few(victim):
    images, _ = digits()
    held_out = images[1200:]
    adversarial = make(Uap(epsilon=0.25, steps=300), victim)
    chance = [fooled(victim, held_out, make(RandomSign(epsilon=0.25), victim, seed).delta) for seed in range(3)]
    assert fooled(victim, held_out, adversarial.delta) > 0.5
    assert max(chance) < 0.3
    assert bool(adversarial.converged)
