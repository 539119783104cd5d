"""`Resize`: to which size an image is brought, and how."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import attrs
from torch import Tensor
from torch.nn import functional as F

from fpframe.errors import UsageError, nearest

Interpolation = Literal["bilinear", "bicubic", "nearest"]
#: What torch calls each; its own "nearest" does not sample at the centres of pixels, as PIL does.
_MODES = {"bilinear": "bilinear", "bicubic": "bicubic", "nearest": "nearest-exact"}
#: Pixels along an edge at most.
MOST_PIXELS = 16384


def check_edges(name: str, edges: tuple[Any, ...]) -> None:
    """Refuse a size that no image has.

    Raises:
        UsageError: it is not one or two whole numbers from 1 on.
    """
    whole = all(type(edge) is int and 1 <= edge <= MOST_PIXELS for edge in edges)
    if not whole or len(edges) not in (1, 2):
        raise UsageError(
            f"'{name}' must be one edge or HEIGHTxWIDTH, in whole pixels from 1 to {MOST_PIXELS} "
            f"(got {'x'.join(map(str, edges))})"
        )


def _edges(value: Iterable[int]) -> tuple[int, ...]:
    return tuple(value)


def _size(owner: Any, field: attrs.Attribute[Any], value: tuple[Any, ...]) -> None:
    check_edges("resize", value)


def _interpolation(owner: Any, field: attrs.Attribute[Any], value: object) -> None:
    if value not in _MODES:
        raise UsageError(f"unknown interpolation '{value}'{nearest(str(value), _MODES)}")


@attrs.frozen
class Resize:
    """To which size an image is brought, and how.

    Attributes:
        size: height and width; or one number, to which the shorter edge is brought, and the other one in proportion.
        interpolation: ``bilinear``, ``bicubic`` or ``nearest``.
        antialias: whether an image that gets smaller is smoothed, as PIL does it; without, pixels are sampled.

    Raises:
        UsageError: there is no such size or interpolation.
    """

    size: tuple[int, ...] = attrs.field(converter=_edges, validator=_size)
    interpolation: Interpolation = attrs.field(default="bilinear", validator=_interpolation)
    antialias: bool = False

    def __attrs_post_init__(self) -> None:
        if self.antialias and self.interpolation == "nearest":
            raise UsageError("nearest pixels cannot be antialiased; leave out antialias, or name another interpolation")

    def edges(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of what an image of this size becomes."""
        if len(self.size) == 2:
            return self.size[0], self.size[1]
        edge = self.size[0]
        short, long = min(height, width), max(height, width)
        other = edge * long // short
        return (edge, other) if height <= width else (other, edge)

    def __call__(self, pixels: Tensor, height: int, width: int) -> Tensor:
        """Return pixels ``(N, C, height, width)`` in [0, 1] of pixels ``(N, C, H, W)``, differentiably."""
        if tuple(pixels.shape[2:]) == (height, width):
            return pixels
        if self.interpolation != "bicubic":
            return self._interpolated(pixels, height, width)
        # bicubic weights overshoot; PIL keeps rows within black and white, and then columns
        rows = self._interpolated(pixels, pixels.shape[2], width).clamp(0, 1) if self.antialias else pixels
        return self._interpolated(rows, height, width).clamp(0, 1)

    def _interpolated(self, pixels: Tensor, height: int, width: int) -> Tensor:
        smooth = {} if self.interpolation == "nearest" else {"align_corners": False, "antialias": self.antialias}
        resized: Tensor = F.interpolate(pixels, (height, width), mode=_MODES[self.interpolation], **smooth)
        return resized
