"""The DeepFool core against adv-lib and foolbox, on one small trained model."""

from __future__ import annotations

import foolbox
import pytest
import torch
from adv_lib.attacks.deepfool import df
from sklearn.datasets import load_digits
from torch import Tensor, nn

import fpframe
from fpframe_plugins.perturbations._deepfool import deepfool_l2

STEPS = 50


@pytest.fixture(scope="module")
def victim() -> fpframe.Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10)
        )
    model = fpframe.Classifier(layers, num_classes=10, image_shape=(1, 8, 8))
    fpframe.train(model, digits()[0][:1200], digits()[1][:1200], fpframe.Training(epochs=8), seed=0)
    return model.requires_grad_(False)


def digits() -> tuple[Tensor, Tensor]:
    data = load_digits()
    return torch.from_numpy(data.images / 16).float().unsqueeze(1), torch.from_numpy(data.target)


def held_out() -> tuple[Tensor, Tensor]:
    """Images with their true labels: a few of them are misclassified, which is success at distance zero."""
    images, labels = digits()
    return images[1200:1500], labels[1200:1500]


def grey() -> Tensor:
    """The same images in [0.3, 0.7], so that minimum perturbations stay off the ends of [0, 1]."""
    return 0.3 + 0.4 * held_out()[0]


def lengths(delta: Tensor) -> Tensor:
    return delta.flatten(1).norm(dim=1)


def oracle(name: str, victim: fpframe.Classifier, x: Tensor, labels: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Return delta and success of the oracle called `name`."""
    if name == "adv-lib":
        adversarial = df(victim, x, labels, steps=steps, overshoot=0.02)
    else:
        attack = foolbox.attacks.L2DeepFoolAttack(steps=steps, candidates=10, overshoot=0.02)
        model = foolbox.PyTorchModel(victim, bounds=(0, 1), device="cpu")
        adversarial, _, _ = attack(model, x, labels, epsilons=None)
    return adversarial - x, victim(adversarial).argmax(1) != labels


def agree_in_success_and_median(
    name: str, victim: fpframe.Classifier, x: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    expected, success = oracle(name, victim, x, labels, STEPS)
    delta, changed, _ = deepfool_l2(victim, x, labels=labels, steps=STEPS)
    assert torch.equal(changed, success)
    assert bool(success.all())
    assert float(lengths(delta).median()) > 0.1
    assert float(lengths(delta).median()) == pytest.approx(float(lengths(expected).median()), rel=1e-3)
    return delta, expected


def test_deepfool_is_adv_libs_image_by_image_where_pixels_are_clipped(victim):
    delta, expected = agree_in_success_and_median("adv-lib", victim, *held_out())
    assert torch.allclose(delta, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["adv-lib", "foolbox"])
def test_deepfool_has_success_and_median_norm_of_both_oracles_where_nothing_is_clipped(name, victim):
    # clipping is no part of the paper, and the oracles differ there: foolbox keeps adding up what it has clipped
    x = grey()
    agree_in_success_and_median(name, victim, x, victim.logits(x).argmax(1))
