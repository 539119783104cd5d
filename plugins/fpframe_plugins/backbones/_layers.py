"""Layers by name, as random architectures draw them.

Not a plugin: the families of `random` use it.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "hardswish": nn.Hardswish,
    "tanh": nn.Tanh,
}
#: Normalisations of feature maps. ``group`` is one group of all channels.
NORMS_2D: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda channels: nn.Identity(),
    "batch": nn.BatchNorm2d,
    "group": lambda channels: nn.GroupNorm(1, channels),
}
NORMS_1D: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda width: nn.Identity(),
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
}


class Residual(nn.Module):
    """Layers, and a way around them.

    Args:
        layers: what is gone around.
        shortcut: what the input goes through meanwhile, so that both come out in one shape.
    """

    def __init__(self, layers: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.layers = layers
        self.shortcut = shortcut

    def forward(self, features: Tensor) -> Tensor:
        """Return the sum of both."""
        total: Tensor = self.layers(features) + self.shortcut(features)
        return total
