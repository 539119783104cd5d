"""The model and the images on which everything is measured."""

from __future__ import annotations

from pathlib import Path

import attrs
import torch
from torch import Tensor

import fpframe

#: The architecture, images that it is trained on, and epochs.
BACKBONE, TRAINED_ON, EPOCHS = "paper:arc-c", 6000, 8


@attrs.frozen
class Material:
    """A trained classifier in evaluation mode with frozen weights, and images that it has not seen.

    Attributes:
        data: address of the data set.
        model: maps pixels to logits.
        x: pixels ``(N, C, H, W)`` in [0, 1], on the 8-bit grid.
        labels: what the model itself says about them ``(N,)``.
        images: the same as `x`, 8-bit.
        accuracy: of the model on them.
    """

    data: str
    model: fpframe.Classifier
    x: Tensor
    labels: Tensor
    images: Tensor
    accuracy: float


def load(data_root: Path | None, *, seed: int = 0) -> Material:
    """Train the classifier on FashionMNIST in `data_root`, or on scikit-learn's digits."""
    registry = fpframe.load_registry()
    source, rest = ("digits", "") if data_root is None else ("torchvision", "FashionMNIST")
    dataset = registry.create("dataset", source).open(rest, root=data_root)
    model = fpframe.build_backbone(registry, BACKBONE, dataset.num_classes, dataset.image_shape, seed)
    train = dataset.train[:TRAINED_ON]
    fpframe.train(model, train.pixels, train.labels, fpframe.Training(epochs=EPOCHS), seed=seed)
    model.eval().requires_grad_(False)
    predicted = model.logits(dataset.test.pixels).argmax(1)
    accuracy = float((predicted == dataset.test.labels).double().mean())
    return Material(dataset.address, model, dataset.test.pixels, predicted, dataset.test.images, accuracy)


def lengths(delta: Tensor) -> Tensor:
    """Return the L2 norm of each image ``(N,)`` of `delta` ``(N, C, H, W)``."""
    return torch.linalg.vector_norm(delta, dim=(1, 2, 3))


def describe(material: Material) -> str:
    """Say what the model is."""
    return (
        f"Model: `{BACKBONE}` on `{material.data}`, {EPOCHS} epochs on {TRAINED_ON} images at most, "
        f"{material.accuracy:.1%} of the test images right."
    )
