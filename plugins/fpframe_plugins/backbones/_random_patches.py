"""Small transformers on patches that are drawn by chance.

Not a plugin: `random` uses it.
"""

from __future__ import annotations

from typing import Self

import attrs
import torch
from torch import Tensor, nn

from fpframe.rng import Draws
from fpframe_plugins.backbones._layers import ACTIVATIONS, Residual


@attrs.frozen(kw_only=True)
class Patches:
    """A vision transformer (Dosovitskiy et al., ICLR 2021) with few and narrow layers.

    Attributes:
        grid: patches along each side of the image, at most.
        heads: attention heads.
        head_width: features of each head.
        layers: transformer blocks.
        ratio: width of their hidden layers, as a multiple of that of a token.
        activation: a name in `ACTIVATIONS`.
        pool: what the head sees: the ``mean`` of all tokens, or the ``largest`` of each feature.
        dropout: before the last layer.
    """

    grid: int
    heads: int
    head_width: int
    layers: int
    ratio: float
    activation: str
    pool: str
    dropout: float

    @classmethod
    def drawn(cls, draws: Draws) -> Self:
        """Draw a network."""
        return cls(
            grid=draws.whole("grid", 4, 7),
            heads=draws.whole("heads", 1, 4),
            head_width=draws.whole("head width", 10, 16),
            layers=draws.whole("layers", 1, 3),
            ratio=draws.number("ratio", 1.0, 3.0, decimals=1),
            activation=draws.one_of("activation", ("relu", "gelu", "silu", "hardswish")),
            pool=draws.one_of("pool", ("mean", "largest")),
            dropout=draws.one_of("dropout", (0.0, 0.0, 0.1, 0.25)),
        )

    def build(self, channels: int, height: int, width: int, classes: int) -> nn.Module:
        """Return the network for images of this shape."""
        size = -(-height // self.grid), -(-width // self.grid)
        rows, columns = -(-height // size[0]), -(-width // size[1])
        features = self.heads * self.head_width
        hidden = round(self.ratio * features)
        blocks: list[nn.Module] = []
        for _ in range(self.layers):
            mixed = nn.Sequential(
                nn.LayerNorm(features),
                nn.Linear(features, hidden),
                ACTIVATIONS[self.activation](),
                nn.Linear(hidden, features),
            )
            attended = nn.Sequential(nn.LayerNorm(features), _Attention(features, self.heads))
            blocks += [Residual(attended, nn.Identity()), Residual(mixed, nn.Identity())]
        return nn.Sequential(
            nn.ZeroPad2d((0, columns * size[1] - width, 0, rows * size[0] - height)),
            nn.Conv2d(channels, features, size, stride=size),
            _Tokens(features, rows * columns),
            *blocks,
            nn.LayerNorm(features),
            _Pool(self.pool),
            nn.Dropout(self.dropout),
            nn.Linear(features, classes),
        )


class _Tokens(nn.Module):
    """From feature maps ``(N, F, H, W)`` to tokens ``(N, H * W, F)`` that know their place."""

    def __init__(self, features: int, places: int) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.randn(1, places, features) * 0.02)

    def forward(self, maps: Tensor) -> Tensor:
        return maps.flatten(2).mT + self.places


class _Attention(nn.Module):
    """Self-attention in plain products, whose gradients are the same each time on every device."""

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ask = nn.Linear(features, 3 * features)
        self.answer = nn.Linear(features, features)

    def forward(self, tokens: Tensor) -> Tensor:
        queries, keys, values = self.ask(tokens).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (queries @ keys.mT / queries.shape[-1] ** 0.5).softmax(-1)
        mixed: Tensor = self.answer((weights @ values).transpose(1, 2).flatten(2))
        return mixed


class _Pool(nn.Module):
    """From tokens ``(N, T, F)`` to features ``(N, F)``."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens.mean(1) if self.how == "mean" else tokens.amax(1)

    def extra_repr(self) -> str:
        return self.how
