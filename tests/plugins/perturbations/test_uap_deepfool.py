"""`uap-deepfool` fools more than chance, and stops where it has reached its target."""

from __future__ import annotations

from fpframe_plugins.perturbations.random_sign import RandomSign
from fpframe_plugins.perturbations.uap_deepfool import UapDeepfool
from plugins.perturbations.small_models import digits, fooled, make


def test_uap_deepfool_fools_more_held_out_digits_than_random_sign(victim):
    images, _ = digits()
    held_out = images[1200:]
    adversarial = make(UapDeepfool(epsilon=0.25, images=100, passes=2), victim).delta
    chance = [fooled(victim, held_out, make(RandomSign(epsilon=0.25), victim, seed).delta) for seed in range(3)]
    assert fooled(victim, held_out, adversarial) > max(chance) + 0.1


def test_uap_deepfool_stops_at_the_pass_that_reaches_the_target(victim):
    made = make(UapDeepfool(target=0.01, epsilon=0.4, images=64, passes=5), victim)
    assert made.steps == 1
