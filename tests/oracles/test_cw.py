"""The attack of Carlini and Wagner against adv-lib and foolbox, on one small trained model."""

from __future__ import annotations

import foolbox
import pytest
import torch
from adv_lib.attacks.carlini_wagner import carlini_wagner_l2
from torch import Tensor

from fpframe_plugins.perturbations._cw import cw_l2
from fpframe_plugins.perturbations.cw import Cw
from oracles.small_model import digits, lengths


@pytest.fixture(scope="module")
def asked(victim) -> tuple[Tensor, Tensor]:
    """Held-out images with the labels that the model predicts."""
    x = digits()[0][1200:1350]
    return x, victim.logits(x).argmax(1)


@pytest.mark.parametrize(
    ("confidence", "learning_rate", "steps"), [(0.0, 0.01, 400), (0.0, 0.05, 100), (1.0, 0.05, 200)]
)
def test_cw_is_adv_libs_in_success_and_median_norm(confidence, learning_rate, steps, victim, asked):
    x, labels = asked
    expected = carlini_wagner_l2(
        victim, x, labels, confidence=confidence, learning_rate=learning_rate, max_iterations=steps
    )
    delta, found, _ = cw_l2(victim, x, labels=labels, confidence=confidence, learning_rate=learning_rate, steps=steps)
    assert torch.equal(found, victim(expected).argmax(1) != labels)
    assert float(found.float().mean()) > 0.95
    ours, theirs = lengths(delta)[found], lengths(expected - x)[found]
    assert float(ours.median()) > 0.1
    assert float(ours.median()) == pytest.approx(float(theirs.median()), rel=1e-3)
    # here an image leaves a search by itself, there all of them together
    assert float((ours / theirs - 1).abs().quantile(0.9)) < 0.01


def test_the_cw_component_is_no_longer_than_foolboxs_at_the_same_success(victim, asked):
    x, labels = asked
    attack = foolbox.attacks.L2CarliniWagnerAttack(
        binary_search_steps=9, steps=300, stepsize=0.02, initial_const=0.001, abort_early=True
    )
    model = foolbox.PyTorchModel(victim, bounds=(0, 1), device="cpu")
    adversarial, _, success = attack(model, x, labels, epsilons=None)
    made = Cw(steps=300, learning_rate=0.02)(victim, x, labels, seed=0)
    assert bool(success.all())
    assert torch.equal(made.converged, success)
    assert float(lengths(made.delta).median()) == pytest.approx(float(lengths(adversarial - x).median()), rel=0.01)
