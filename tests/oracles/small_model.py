"""One small trained model, and images on the 8-bit grid, that fpframe and the oracles perturb."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

import fpframe


def digits() -> tuple[Tensor, Tensor]:
    """Return images on the 8-bit grid, as fpframe has them, with their labels."""
    data = load_digits()
    return torch.from_numpy(data.images / 16 * 255).round().float().unsqueeze(1) / 255, torch.from_numpy(data.target)


def trained_on_digits() -> fpframe.Classifier:
    """Return a network that knows the first 1200 digits."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10)
        )
    model = fpframe.Classifier(layers, num_classes=10, image_shape=(1, 8, 8))
    images, labels = digits()
    fpframe.train(model, images[:1200], labels[:1200], fpframe.Training(epochs=8), seed=0)
    return model.eval().requires_grad_(False)


def lengths(delta: Tensor) -> Tensor:
    """Return the L2 norm of each image ``(N,)``."""
    return delta.flatten(1).norm(dim=1)
