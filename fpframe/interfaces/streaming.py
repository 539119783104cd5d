"""Images for components that take them batch by batch, and for those that take one tensor."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

from fpframe.models import Pixels


class Streaming(Protocol):
    """A component that says whether it takes `Pixels`."""

    @property
    def streams(self) -> bool:
        """Whether it takes pixels that are made when they are read."""
        ...


def taken_by(component: Streaming, pixels: Tensor | Pixels) -> Any:
    """Return pixels as a component takes them: as they are, or as one tensor where it does not stream."""
    return pixels if component.streams or isinstance(pixels, Tensor) else pixels.tensor()
