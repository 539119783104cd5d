"""Architectures of plain PyTorch for images of one channel and 28x28 pixels: none of them is built by fpframe."""

from __future__ import annotations

import random
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 10
SIDE = 28
SHAPE = (1, SIDE, SIDE)


def convolutional(chance: random.Random) -> nn.Module:
    """Return a stack of convolutions, each half the size of the one before."""
    wide, depth, kernel = chance.choice([8, 12, 16]), chance.choice([2, 3, 4]), chance.choice([3, 3, 5])
    normal, act = chance.random() < 0.7, chance.choice([nn.ReLU, nn.GELU, nn.LeakyReLU])
    layers: list[nn.Module] = []
    before = 1
    for layer in range(depth):
        after = min(96, wide * 2**layer)
        layers.append(nn.Conv2d(before, after, kernel, padding=kernel // 2))
        layers += [nn.BatchNorm2d(after)] if normal else []
        layers += [act(), nn.MaxPool2d(2)]
        before = after
    side = SIDE // 2**depth
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * side * side, CLASSES))


class Block(nn.Module):
    """Two convolutions beside a short cut."""

    def __init__(self, wide: int, wider: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(wide, wider, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(wider, wider, 3, 1, 1, bias=False)
        self.normal = nn.ModuleList([nn.BatchNorm2d(wider), nn.BatchNorm2d(wider)])
        self.short = nn.Conv2d(wide, wider, 1, stride, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        hidden = F.relu(self.normal[0](self.first(images)))
        return F.relu(self.normal[1](self.second(hidden)) + self.short(images))


def residual(chance: random.Random) -> nn.Module:
    """Return a small residual network."""
    wide, blocks = chance.choice([8, 12]), chance.choice([2, 3])
    layers: list[nn.Module] = [nn.Conv2d(1, wide, 3, 2, 1), nn.BatchNorm2d(wide), nn.ReLU()]
    layers.append(Block(wide, wide, 1))
    layers += [Block(wide * 2 ** (block - 1), wide * 2**block, 2) for block in range(1, blocks)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(wide * 2 ** (blocks - 1), CLASSES))


def separable(chance: random.Random) -> nn.Module:
    """Return a network of depthwise and pointwise convolutions."""
    wide, depth = chance.choice([16, 24]), chance.choice([3, 4])
    layers: list[nn.Module] = [nn.Conv2d(1, wide, 3, 2, 1), nn.BatchNorm2d(wide), nn.ReLU6()]
    for layer in range(depth):
        stride, after = (2, wide * 2) if layer == 1 else (1, wide)
        layers += [nn.Conv2d(wide, wide, 3, stride, 1, groups=wide), nn.BatchNorm2d(wide), nn.ReLU6()]
        layers += [nn.Conv2d(wide, after, 1), nn.BatchNorm2d(after), nn.ReLU6()]
        wide = after
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(wide, CLASSES))


def perceptron(chance: random.Random) -> nn.Module:
    """Return a network of full layers."""
    widths = [SIDE * SIDE, *(chance.choice([64, 128, 256, 512]) for _ in range(chance.choice([1, 2, 3])))]
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(chance.choice([0.0, 0.2]))]
    return nn.Sequential(*layers, nn.Linear(widths[-1], CLASSES))


class Transformer(nn.Module):
    """Patches of the image, each seen beside all others."""

    def __init__(self, patch: int, wide: int, depth: int) -> None:
        super().__init__()
        count = (SIDE // patch) ** 2
        self.patches = nn.Conv2d(1, wide, patch, patch)
        self.place = nn.Parameter(0.02 * torch.randn(count, wide))
        self.layers = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(wide, 4, 2 * wide, 0.0, "gelu", batch_first=True, norm_first=True)
                for _ in range(depth)
            )
        )
        self.head = nn.Linear(wide, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2) + self.place
        logits: Tensor = self.head(self.layers(tokens).mean(1))
        return logits


def transformer(chance: random.Random) -> nn.Module:
    """Return a small vision transformer."""
    return Transformer(chance.choice([4, 7]), chance.choice([32, 48]), chance.choice([2, 3]))


#: Architectures that are drawn where a kind of model does not say which.
ANY = (convolutional, convolutional, residual, separable)


def any_network(chance: random.Random) -> nn.Module:
    """Return a network of a family that is drawn."""
    return chance.choice(ANY)(chance)
