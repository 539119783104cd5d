"""Small models of scikit-learn's digits to perturb images for."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import fpframe
from fpframe.models.queryset import to_pixels
from plugins.perturbations.small_models import digits, network


@pytest.fixture(scope="session")
def victim() -> fpframe.Classifier:
    """A classifier of digits, trained on the first 1200 of them."""
    images, labels = digits()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = network(1, 8)
    return fpframe.train(model, to_pixels(images[:1200]), labels[:1200], fpframe.Training(epochs=5), seed=0)


@pytest.fixture(scope="session")
def lineage() -> tuple[fpframe.Classifier, list[fpframe.Classifier], list[fpframe.Classifier]]:
    """A victim, models fine-tuned from it, and independent ones with the same recipe; six of each."""
    images, labels = digits()
    x, labels = to_pixels(images[:700]), labels[:700]

    def train(seed: int, model: fpframe.Classifier | None = None) -> fpframe.Classifier:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            layers = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10)]
            fresh = fpframe.Classifier(nn.Sequential(*layers), num_classes=10, image_shape=(1, 8, 8))
        training = fpframe.Training(epochs=20 if model is None else 4)
        return fpframe.train(fresh if model is None else model, x, labels, training, seed=seed)

    victim = train(0)
    return victim, [train(seed, copy.deepcopy(victim)) for seed in range(1, 7)], [train(s) for s in range(7, 13)]
