"""`Fitted`: a model that is not made by gradient descent, as a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn


class Fitted(nn.Module, ABC):
    """A network that is fitted to images at once: a forest, say, or what looks at its nearest neighbours.

    What it has learned lies in buffers, so that it is stored and opened like every network, and nothing is pickled.
    Their sizes depend on what it was fitted to: a state with buffers of other sizes loads into it, if they have as many
    dimensions. Before it is fitted it answers too, with anything that is finite.

    Attributes:
        streams: whether `fit` takes `Pixels`, which are made batch by batch when they are read, in place of a tensor.
    """

    streams: bool = False

    @abstractmethod
    def fit(self, pixels: Any, labels: Tensor, *, seed: int) -> None:
        """Learn pixels ``(N, C, H, W)`` in [0, 1], a tensor or `Pixels`, with labels ``(N,)``.

        What is learned depends on these and the seed alone.
        """

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        for name, buffer in list(self.named_buffers(recurse=False)):
            found = state_dict.get(prefix + name)
            if isinstance(found, Tensor) and found.ndim == buffer.ndim:
                setattr(self, name, buffer.new_empty(found.shape))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def free_sizes(module: nn.Module) -> set[str]:
    """Return the names of the tensors of a network whose sizes depend on what it was fitted to."""
    return {
        f"{prefix}.{name}" if prefix else name
        for prefix, part in module.named_modules()
        if isinstance(part, Fitted)
        for name, _ in part.named_buffers(recurse=False)
    }
