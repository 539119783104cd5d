"""`paper`: five small networks for images of any size, as accurate on FashionMNIST as the paper's five."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import ClassVar

import attrs
import torch
from torch import Tensor, nn

import fpframe
from fpframe.rng import isolated
from fpframe_plugins.backbones._ours import OurNetworks


def _after(side: int, halvings: int) -> int:
    """Return the side in pixels after layers that halve it and round up."""
    for _ in range(halvings):
        side = (side + 1) // 2
    return side


class _Averages(nn.Module):
    """Averages over a grid of windows, those of `nn.AdaptiveAvgPool2d`, as one matrix product.

    On a CPU the gradient of torch's pooling takes as long as that of a convolution; a product's takes next to nothing.
    """

    _weights: Tensor

    def __init__(self, height: int, width: int, windows: int) -> None:
        super().__init__()
        across, down = (_windows(side, windows) for side in (width, height))
        self.register_buffer("_weights", torch.kron(down, across), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return averages ``(N, C, windows * windows)`` of features ``(N, C, height, width)``."""
        # channels last, as in training, or the layers before it would get a gradient in the other layout
        return (self._weights @ features.flatten(2).mT).mT


def _windows(side: int, windows: int) -> Tensor:
    """Return how much each of `side` positions weighs in each window along one axis: ``(windows, side)``."""
    weights = torch.zeros(windows, side)
    for index in range(windows):
        start, stop = side * index // windows, -(-side * (index + 1) // windows)
        weights[index, start:stop] = 1 / (stop - start)
    return weights


def _arc_a(channels: int, height: int, width: int, classes: int) -> nn.Module:
    """Two strided convolutions with batch normalisation, averaged over the ninths of the image, and a hidden layer."""
    return nn.Sequential(
        nn.Conv2d(channels, 16, 5, stride=2, padding=2, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 40, 5, stride=2, padding=2, bias=False),
        nn.BatchNorm2d(40),
        nn.ReLU(),
        _Averages(_after(height, 2), _after(width, 2), 3),
        nn.Flatten(),
        nn.Linear(40 * 9, 64),
        nn.ReLU(),
        nn.Linear(64, classes),
    )


def _arc_b(channels: int, height: int, width: int, classes: int) -> nn.Module:
    """A narrow chain of strided convolutions with tanh, the cheapest of the five."""
    return nn.Sequential(
        nn.Conv2d(channels, 4, 5, stride=2, padding=2),
        nn.Tanh(),
        nn.Conv2d(4, 6, 5, stride=2, padding=2),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(6 * _after(height, 2) * _after(width, 2), 16),
        nn.Tanh(),
        nn.Linear(16, classes),
    )


def _arc_c(channels: int, height: int, width: int, classes: int) -> nn.Module:
    """Four convolutions with batch normalisation, averaged over the quarters of the image."""

    def block(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
        return [
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        ]

    return nn.Sequential(
        *block(channels, 16, 2),
        *block(16, 24, 1),
        *block(24, 48, 2),
        *block(48, 56, 1),
        _Averages(_after(height, 2), _after(width, 2), 2),
        nn.Flatten(),
        nn.Linear(56 * 4, classes),
    )


def _arc_d(channels: int, height: int, width: int, classes: int) -> nn.Module:
    """Depthwise-separable convolutions, averaged over the quarters of the image."""

    def block(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
        return [
            nn.Conv2d(inputs, inputs, 3, stride=stride, padding=1, groups=inputs, bias=False),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.Hardswish(),
        ]

    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.Hardswish(),
        *block(16, 32, 2),
        *block(32, 48, 1),
        _Averages(_after(height, 2), _after(width, 2), 2),
        nn.Flatten(),
        nn.Linear(48 * 4, classes),
    )


def _arc_e(channels: int, height: int, width: int, classes: int) -> nn.Module:
    """Patches of four pixels, embedded by one convolution, and a wide hidden layer."""
    patches = -(-height // 4) * -(-width // 4)
    return nn.Sequential(
        nn.ZeroPad2d((0, -width % 4, 0, -height % 4)),
        nn.Conv2d(channels, 16, 4, stride=4),
        nn.GELU(),
        nn.Flatten(),
        nn.Linear(16 * patches, 64),
        nn.GELU(),
        nn.Linear(64, classes),
    )


_ARCHITECTURES: dict[str, Callable[[int, int, int, int], nn.Module]] = {
    "arc-a": _arc_a,
    "arc-b": _arc_b,
    "arc-c": _arc_c,
    "arc-d": _arc_d,
    "arc-e": _arc_e,
}


@attrs.frozen(kw_only=True)
class Paper(OurNetworks):
    """Five clearly different architectures, ``arc-a`` to ``arc-e``, that train in seconds on one core.

    Peng et al. (CVPR 2022) compare five CNNs on FashionMNIST. These are our own. After six epochs on all
    60 000 images they reach about the accuracies of the paper's: 0.898, 0.856, 0.910, 0.865 and 0.881.
    """

    name: ClassVar[str] = "paper"
    revision: ClassVar[int] = 2
    architectures: ClassVar[Collection[str]] = tuple(_ARCHITECTURES)
    least_side: ClassVar[int] = 8  # three halvings of it leave one pixel

    def build(
        self,
        name: str,
        *,
        num_classes: int,
        image_shape: tuple[int, int, int],
        pretrained: bool = False,
        seed: int,
    ) -> fpframe.Classifier:
        """Return a network with fresh weights for images of at least 8x8 pixels.

        Raises:
            UsageError: there is no such architecture, or trained weights are asked for.
            ModelError: the images are too small.
        """
        address = self.checked_address(name, image_shape, pretrained=pretrained)
        with isolated(seed):
            module = _ARCHITECTURES[name](*image_shape, num_classes)
        return fpframe.Classifier(module, num_classes=num_classes, image_shape=image_shape, address=address)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the backbone."""
    return [Paper]
