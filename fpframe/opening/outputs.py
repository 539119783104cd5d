"""Which of the outputs of an exported network are its answers."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from torch import Tensor

from fpframe.base import Note
from fpframe.errors import ModelError, UsageError
from fpframe.interfaces import SuspectRequest

#: How exporters call the answers of a classifier: parts of names, the surest first.
_ANSWERS = ("logit", "prob", "softmax", "score", "pred", "class")
#: What transformers calls them; other names with logits are of heads beside it.
_EXACTLY = "logits"
#: How networks call answers of heads that serve training alone.
_AUXILIARY = "aux"


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
        return self.shape[1] if self.is_row else None

    @property
    def is_row(self) -> bool:
        """Whether it has one row for each image."""
        return len(self.shape) >= 2 and all(size == 1 for size in self.shape[2:])


def choose_output(outputs: Sequence[NetworkOutput], request: SuspectRequest) -> int:
    """Return the index of the output that is read: the one with K columns, or of labels where those are asked for.

    Raises:
        UsageError: none is called what the request says.
        ModelError: there is none, it tells other classes, or several of them may be the answers.
    """
    if not outputs:
        raise ModelError(
            f"the suspect has no tensor of numbers among its outputs ({request.address}); export it without a ZipMap"
        )
    if request.read_output is not None:
        return _said(outputs, request.read_output, request.address)
    if request.outputs == "labels":
        return next((index for index, output in enumerate(outputs) if output.whole), 0)
    fitting = _candidates(outputs, request.num_classes)
    if len(fitting) > 1:
        named = _called_answers(outputs, fitting)
        if named is None:
            names = ", ".join(_called(outputs, index) for index in fitting)
            raise ModelError(
                f"{len(fitting)} outputs of the suspect may be its answers ({names}), and nothing says which "
                f"({request.address}); say --read-output {_called(outputs, fitting[0], short=True)}, or another of them"
            )
        return named
    if fitting:
        return fitting[0]
    told = outputs[0].columns
    if told not in (None, 1, request.num_classes):
        raise ModelError(
            f"the suspect tells {told} classes where the victim tells {request.num_classes} "
            f"({request.address}); say with --classes which of the victim's they are"
        )
    return 0


def chosen_note(outputs: Sequence[NetworkOutput], chosen: int, request: SuspectRequest) -> tuple[Note, ...]:
    """Return the note that one of several outputs was read, where more than one may be the answers; else nothing."""
    others = [index for index in _candidates(outputs, request.num_classes) if index != chosen]
    if request.outputs == "labels" or not others:
        return ()
    why = "its name" if request.read_output is None else "--read-output"
    beside = ", ".join(_called(outputs, index) for index in others)
    text = f"Of several outputs of the suspect, {_called(outputs, chosen)} was read, by {why}; not {beside}."
    return (Note("output-chosen", text),)


def _candidates(outputs: Sequence[NetworkOutput], classes: int) -> list[int]:
    """Return those that may be answers: with a column for each class, or with as many as may turn out."""
    fitting = [index for index, output in enumerate(outputs) if output.columns == classes]
    if not fitting and len(outputs) > 1:
        fitting = [index for index, output in enumerate(outputs) if output.is_row and output.columns is None]
    return [index for index in fitting if not outputs[index].whole] or fitting


def _called_answers(outputs: Sequence[NetworkOutput], among: Sequence[int]) -> int | None:
    """Return the one that is called answers, by the surest word for them; ``None`` where there are several."""
    names = {index: outputs[index].name.lower() for index in among}
    main = {index: name for index, name in names.items() if _AUXILIARY not in name} or names
    exactly = [index for index, name in main.items() if name == _EXACTLY]
    if len(exactly) == 1:
        return exactly[0]
    for word in _ANSWERS:
        found = [index for index, name in main.items() if word in name]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _said(outputs: Sequence[NetworkOutput], said: str, address: str) -> int:
    for index, output in enumerate(outputs):
        if output.name == said:
            return index
    if said.isdecimal() and 1 <= int(said) <= len(outputs):
        return int(said) - 1
    names = ", ".join(_called(outputs, index) for index in range(len(outputs)))
    raise UsageError(f"the suspect has no output '{said}' ({address}); it has {names}")


def _called(outputs: Sequence[NetworkOutput], index: int, *, short: bool = False) -> str:
    return outputs[index].name or (str(index + 1) if short else f"number {index + 1}")


def as_rows(answer: Tensor) -> Tensor:
    """Return answers ``(N, K)`` of answers ``(N, K, 1, 1)``, as convolutions give them; others stay."""
    return answer.flatten(1) if answer.ndim > 2 and set(answer.shape[2:]) == {1} else answer
