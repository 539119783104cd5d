"""Which of the outputs of an exported network are its answers."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from torch import Tensor

from fpframe.errors import ModelError
from fpframe.interfaces import SuspectRequest

#: How exporters call the answers of a classifier; parts of names.
_ANSWERS = ("logit", "prob", "softmax", "score", "pred", "class")


@attrs.frozen
class NetworkOutput:
    """An output of a network that is a tensor of numbers.

    Attributes:
        name: what the file calls it; empty where it has no name.
        shape: its sizes; ``None`` where they are free.
        whole: whether it is of whole numbers.
    """

    name: str
    shape: tuple[int | None, ...]
    whole: bool

    @property
    def columns(self) -> int | None:
        """The second size, where it has no others but ones after it."""
        return self.shape[1] if len(self.shape) >= 2 and all(size == 1 for size in self.shape[2:]) else None


def choose_output(outputs: Sequence[NetworkOutput], request: SuspectRequest) -> int:
    """Return the index of the output that is read: the one with K columns, or of labels where those are asked for.

    Raises:
        ModelError: there is none, it tells other classes, or several of them may be the answers.
    """
    if not outputs:
        raise ModelError(
            f"the suspect has no tensor of numbers among its outputs ({request.address}); export it without a ZipMap"
        )
    indices = range(len(outputs))
    if request.outputs == "labels":
        return next((index for index in indices if outputs[index].whole), 0)
    fitting = [index for index in indices if outputs[index].columns == request.num_classes]
    floats = [index for index in fitting if not outputs[index].whole]
    fitting = floats or fitting
    if len(fitting) > 1:
        named = [index for index in fitting if any(part in outputs[index].name.lower() for part in _ANSWERS)]
        if len(named) != 1:
            names = ", ".join(outputs[index].name or f"number {index + 1}" for index in fitting)
            raise ModelError(
                f"{len(fitting)} outputs of the suspect have {request.num_classes} columns ({names}), and nothing says "
                f"which are its answers ({request.address}); export it with these alone"
            )
        fitting = named
    if fitting:
        return fitting[0]
    told = outputs[0].columns
    if told not in (None, 1, request.num_classes):
        raise ModelError(
            f"the suspect tells {told} classes where the victim tells {request.num_classes} "
            f"({request.address}); say with --classes which of the victim's they are"
        )
    return 0


def as_rows(answer: Tensor) -> Tensor:
    """Return answers ``(N, K)`` of answers ``(N, K, 1, 1)``, as convolutions give them; others stay."""
    return answer.flatten(1) if answer.ndim > 2 and set(answer.shape[2:]) == {1} else answer
