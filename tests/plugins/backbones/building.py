"""How the tests build and name networks."""

from __future__ import annotations

import torch
from torch import nn

import fpframe


def build(
    source: fpframe.BackboneSource, name: str, shape: tuple[int, int, int] = (1, 8, 8), seed: int = 1
) -> fpframe.Classifier:
    return source.build(name, num_classes=10, image_shape=shape, seed=seed)


def label(value: object) -> str | None:
    return value.name if isinstance(value, fpframe.BackboneSource) else None


def telling_images_apart(network: nn.Module, channels: int) -> nn.Module:
    """Return a network whose answers depend on the image; of a fresh one they hardly do."""
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim == 1:  # among them scales of whole layers, which begin at almost nothing
                weight.add_(torch.randn_like(weight), alpha=0.1)
            elif weight.shape[0] == 10:  # the last layer, which some begin with zeros
                weight.mul_(10).add_(torch.randn_like(weight), alpha=0.1)
        for norm in norms:
            norm.momentum = 1.0
        if norms:
            side = 299 if hasattr(network, "AuxLogits") else 96  # the second head of Inception takes no smaller ones
            network.train()(torch.rand(8, channels, side, side))
    return network
