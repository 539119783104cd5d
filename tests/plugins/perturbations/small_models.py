"""Digits, small models that answer them, and perturbations that are made for these."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

import fpframe
from fpframe.models.queryset import add_perturbation, to_pixels


def digits() -> tuple[Tensor, Tensor]:
    images = torch.from_numpy(load_digits().images / 16 * 255).round().to(torch.uint8)
    return images.unsqueeze(1), torch.from_numpy(load_digits().target)


def network(channels: int, size: int) -> fpframe.Classifier:
    layers = nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(128, 10),
    )
    return fpframe.Classifier(layers, num_classes=10, image_shape=(channels, size, size))


class Constant(nn.Module):
    """The same logits for every image; `looks` says whether the image is part of the graph at all."""

    def __init__(self, looks: bool) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.arange(10.0))
        self.looks = looks

    def forward(self, x: Tensor) -> Tensor:
        logits = self.bias.expand(len(x), 10)
        return logits + 0 * x.flatten(1).sum(1, keepdim=True) if self.looks else logits


def fooled(model: fpframe.Classifier, images: Tensor, delta: Tensor) -> float:
    """Share of 8-bit images that change their predicted label when delta is added as queries have it."""
    before = model.logits(to_pixels(images)).argmax(1)
    after = model.logits(to_pixels(add_perturbation(images, delta))).argmax(1)
    return float((before != after).float().mean())


def make(generator: fpframe.PerturbationGenerator, model: fpframe.Classifier, seed: int = 0) -> fpframe.Perturbation:
    images, labels = digits()
    return call(generator, model, to_pixels(images[:200]), labels[:200], seed=seed)


def call(
    generator: fpframe.PerturbationGenerator, model: fpframe.Classifier, x: Tensor, labels: Tensor, *, seed: int = 0
) -> fpframe.Perturbation:
    """Call with references where these are needed: the model itself, and an untrained network."""
    references = None
    if generator.needs_references:
        with torch.random.fork_rng():
            torch.manual_seed(9)
            references = fpframe.References([model], [network(model.image_shape[0], model.image_shape[1])])
    return generator(model, x, labels, references=references, seed=seed)


def linear(weights: Tensor) -> fpframe.Classifier:
    """A linear classifier of flattened ``(1, 2, 2)`` images, with ``weights`` ``(K, 4)``."""
    layer = nn.Linear(4, len(weights), bias=False)
    layer.weight.data = weights
    return fpframe.Classifier(
        nn.Sequential(nn.Flatten(), layer), num_classes=len(weights), image_shape=(1, 2, 2)
    ).requires_grad_(False)
