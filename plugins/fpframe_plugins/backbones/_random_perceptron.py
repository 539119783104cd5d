"""Multi-layer perceptrons that are drawn by chance.

Not a plugin: `random` uses it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Self

import attrs
from torch import nn

from fpframe.rng import Draws
from fpframe_plugins.backbones._layers import ACTIVATIONS, NORMS_1D

#: Larger images are averaged down first, so that the first layer does not become nearly all of the network.
_LARGEST_SIDE = 32


@attrs.frozen(kw_only=True)
class Perceptron:
    """Linear layers on all pixels.

    Attributes:
        widths: of the hidden layers.
        norm: a name in `NORMS_1D`.
        activation: a name in `ACTIVATIONS`.
        dropout: after each hidden layer.
    """

    widths: tuple[int, ...]
    norm: str
    activation: str
    dropout: float

    @classmethod
    def drawn(cls, draws: Draws) -> Self:
        """Draw a network."""
        return cls(
            widths=tuple(draws.whole(f"width {layer}", 40, 240) for layer in range(draws.whole("layers", 1, 3))),
            norm=draws.one_of("norm", tuple(NORMS_1D)),
            activation=draws.one_of("activation", tuple(ACTIVATIONS)),
            dropout=draws.one_of("dropout", (0.0, 0.0, 0.1, 0.25)),
        )

    def build(self, channels: int, height: int, width: int, classes: int) -> nn.Module:
        """Return the network for images of this shape."""
        window = -(-height // _LARGEST_SIDE), -(-width // _LARGEST_SIDE)
        sizes = (channels * (height // window[0]) * (width // window[1]), *self.widths)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [
                nn.Linear(inputs, outputs),
                NORMS_1D[self.norm](outputs),
                ACTIVATIONS[self.activation](),
                nn.Dropout(self.dropout),
            ]
        return nn.Sequential(nn.AvgPool2d(window), nn.Flatten(), *layers, nn.Linear(sizes[-1], classes))
