"""Convolutional networks that are drawn by chance.

Not a plugin: `random` uses it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Self

import attrs
import torch
from torch import nn

from fpframe.rng import Draws
from fpframe_plugins.backbones._layers import ACTIVATIONS, NORMS_2D, Residual

#: Halvings between stages, as layers that come after the first block of a stage; ``stride`` needs none.
_SHRINKS = ("stride", "stride", "max", "average")


@attrs.frozen(kw_only=True)
class Convolutions:
    """A stem, stages of convolutions each of which halves the image but for the first, and a head.

    Attributes:
        widths: channels of each stage.
        blocks: blocks of each stage.
        convolutions: convolutions of each block.
        stem: kernel of the first convolution, in pixels.
        kernel: kernel of the others.
        norm: a name in `NORMS_2D`.
        activation: a name in `ACTIVATIONS`.
        residual: whether there is a way around each block.
        separable: whether convolutions after the stem are split into one for each channel and one across channels.
        shrink: how a stage halves the image: ``stride``, ``max`` or ``average``.
        grid: the head sees averages over a grid of about this many windows each way.
        hidden: width of a hidden layer in the head; 0 for none.
        dropout: before the last layer.
    """

    widths: tuple[int, ...]
    blocks: int
    convolutions: int
    stem: int
    kernel: int
    norm: str
    activation: str
    residual: bool
    separable: bool
    shrink: str
    grid: int
    hidden: int
    dropout: float

    @classmethod
    def drawn(cls, draws: Draws) -> Self:
        """Draw a network."""
        first, growth = draws.whole("width", 8, 20), draws.number("growth", 1.3, 2.0)
        # a large kernel costs three times as much, so it goes with few channels
        separable, kernel = draws.one_of("separable", (False, False, True)), draws.one_of("kernel", (3, 3, 5))
        if kernel == 5 and not separable:
            first = min(first, 12)
        return cls(
            widths=tuple(round(first * growth**stage) for stage in range(draws.whole("stages", 2, 3))),
            blocks=draws.one_of("blocks", (1, 1, 2)),
            convolutions=draws.whole("convolutions", 1, 2),
            stem=draws.one_of("stem", (3, 5, 7)),
            kernel=kernel,
            norm=draws.one_of("norm", ("batch", "batch", "group", "none")),
            activation=draws.one_of("activation", tuple(ACTIVATIONS)),
            residual=draws.one_of("residual", (False, True)),
            separable=separable,
            shrink=draws.one_of("shrink", _SHRINKS),
            grid=draws.whole("grid", 1, 3),
            hidden=draws.one_of("head", (0, 1)) * draws.whole("hidden", 32, 96),
            dropout=draws.one_of("dropout", (0.0, 0.0, 0.1, 0.25)),
        )

    def build(self, channels: int, height: int, width: int, classes: int) -> nn.Module:
        """Return the network for images of this shape."""
        side = min(height, width)
        stride = 1 if side < 16 else 2 if side < 48 else 4
        features = nn.Sequential(
            nn.Conv2d(channels, self.widths[0], self.stem, stride=stride, padding=self.stem // 2),
            NORMS_2D[self.norm](self.widths[0]),
            ACTIVATIONS[self.activation](),
            *self._blocks(),
        )
        with torch.no_grad():
            _, depth, high, wide = features.eval()(torch.zeros(1, channels, height, width)).shape
        window = max(1, high // self.grid), max(1, wide // self.grid)
        return nn.Sequential(
            features,
            nn.AvgPool2d(window),
            nn.Flatten(),
            *self._head(depth, high // window[0], wide // window[1], classes),
        ).train()

    def _blocks(self) -> list[nn.Module]:
        layers = []
        ends = [(self.widths[0], self.widths[0]), *pairwise(self.widths)]
        for stage, (inputs, outputs) in enumerate(ends):
            for block in range(self.blocks):
                halving = stage > 0 and block == 0
                stride = 2 if halving and self.shrink == "stride" else 1
                layers.append(self._block(inputs if block == 0 else outputs, outputs, stride))
                if halving and self.shrink != "stride":
                    layers.append(nn.MaxPool2d(2) if self.shrink == "max" else nn.AvgPool2d(2))
        return layers

    def _block(self, inputs: int, outputs: int, stride: int) -> nn.Module:
        layers: list[nn.Module] = []
        for number in range(self.convolutions):
            layers += [
                self._convolution(inputs if number == 0 else outputs, outputs, stride if number == 0 else 1),
                NORMS_2D[self.norm](outputs),
                ACTIVATIONS[self.activation](),
            ]
        if not self.residual:
            return nn.Sequential(*layers)
        same = inputs == outputs and stride == 1
        return Residual(nn.Sequential(*layers), nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride=stride))

    def _convolution(self, inputs: int, outputs: int, stride: int) -> nn.Module:
        if not self.separable:
            return nn.Conv2d(inputs, outputs, self.kernel, stride=stride, padding=self.kernel // 2)
        return nn.Sequential(
            nn.Conv2d(inputs, inputs, self.kernel, stride=stride, padding=self.kernel // 2, groups=inputs),
            nn.Conv2d(inputs, outputs, 1),
        )

    def _head(self, depth: int, high: int, wide: int, classes: int) -> list[nn.Module]:
        size = depth * high * wide
        hidden = [nn.Linear(size, self.hidden), ACTIVATIONS[self.activation]()] if self.hidden else []
        return [*hidden, nn.Dropout(self.dropout), nn.Linear(self.hidden or size, classes)]
