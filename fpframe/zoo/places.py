"""Where the layers of a public model that stay as they are end, and the others begin to learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs
import torch
from torch import Tensor, nn

from fpframe.models.cut import Cut
from fpframe.models.frozen import Reshaping, pass_through


class Place(Protocol):
    """A place in a network."""

    @property
    def key(self) -> str:
        """What tells the place from others of the network."""
        ...

    @property
    def learns(self) -> tuple[str, ...]:
        """Names of the parts of the rest that training changes; empty for all of it."""
        ...

    def start(self, module: nn.Module) -> Callable[[Tensor], Tensor]:
        """Return what is before the place: from images as the network takes them to features ``(N, ...)``."""
        ...

    def rest(self, module: nn.Module, shape: tuple[int, ...]) -> nn.Module:
        """Return what comes after it, for features ``(N, *shape)``."""
        ...

    def end(self, rest: nn.Module, features: Tensor) -> Tensor:
        """Return the features at this place that the rest of an earlier place makes of its own."""
        ...


@attrs.frozen(kw_only=True)
class BeforeHead:
    """Before the last layer, whatever the network does.

    Attributes:
        head: the name of the last layer.
    """

    head: str

    @property
    def key(self) -> str:
        """The layer."""
        return self.head

    @property
    def learns(self) -> tuple[str, ...]:
        """All of the rest."""
        return ()

    def start(self, module: nn.Module) -> Callable[[Tensor], Tensor]:
        """Return a function that lets images pass the network, and takes what the last layer is given."""
        return lambda images: self.end(module, images)

    def rest(self, module: nn.Module, shape: tuple[int, ...]) -> nn.Module:
        """Return the last layer."""
        return Reshaping(module.get_submodule(self.head), shape)

    def end(self, rest: nn.Module, features: Tensor) -> Tensor:
        """Return what the last layer is given."""
        taken, _ = pass_through(rest, self.head, features)
        assert taken is not None, "the last layer took another kind of input before"
        return taken


@attrs.frozen(kw_only=True)
class BeforeParts:
    """Before some of the last layers, in a network that can be cut there.

    Attributes:
        parts: names of these layers.
        tried: images as the network takes them, with which it is cut.
    """

    parts: tuple[str, ...]
    tried: Tensor = attrs.field(eq=False)

    @property
    def key(self) -> str:
        """The layers."""
        return " ".join(self.parts)

    @property
    def learns(self) -> tuple[str, ...]:
        """The layers; what lies between the place and them stays as it is."""
        return self.parts

    def start(self, module: nn.Module) -> nn.Module:
        """Return the part of the network before the place."""
        return self._cut(module).start

    def rest(self, module: nn.Module, shape: tuple[int, ...]) -> nn.Module:
        """Return the part after it."""
        return self._cut(module).rest

    def end(self, rest: nn.Module, features: Tensor) -> Tensor:
        """Refuse: no place comes before it whose features are kept."""
        raise NotImplementedError("the first place has none before it")

    def _cut(self, module: nn.Module) -> Cut:
        device = next((weight.device for weight in module.parameters()), torch.device("cpu"))
        cut = Cut.before(module, self.parts, self.tried.to(device))
        assert cut is not None, "another network of the architecture was cut here"
        return cut
