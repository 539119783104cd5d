"""`unwrap`: from whatever a model returns to one tensor of numbers, with a row or a label for each image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from torch import Tensor

from fpframe.models.answers.arrays import as_tensor
from fpframe.models.answers.containers import fitting_member, members_of, nested
from fpframe.models.answers.entries import names_as_labels, says_scores, scored_rows
from fpframe.models.answers.shapes import fits, squeezed
from fpframe.models.answers.unread import UnreadError


@attrs.frozen(kw_only=True, eq=False)
class Unwrapped:
    """Numbers that were taken out of an answer.

    Attributes:
        numbers: rows ``(N, K)``, labels ``(N,)``, or what fits neither.
        shape: the shape that they had there.
        taken: from where they were taken, in words; empty where the answer was an array.
    """

    numbers: Tensor
    shape: tuple[int, ...] = ()
    taken: str = ""


def unwrap(answer: Any, count: int, num_classes: int, classes: Sequence[str]) -> Unwrapped:
    """Take the numbers out of an answer to `count` images.

    Raises:
        UnreadError: it holds no numbers or names that fit, or several that do.
    """
    taken = _unwrap(answer, count, num_classes, classes)
    shape = tuple(taken.numbers.shape)
    return attrs.evolve(taken, numbers=squeezed(taken.numbers, count, num_classes), shape=shape)


def _unwrap(answer: Any, count: int, num_classes: int, classes: Sequence[str]) -> Unwrapped:
    if answer is None:
        raise UnreadError("the model answers with nothing (None)", "let it return its answers")
    if isinstance(answer, str | bytes):
        answer = [answer]
    tensor = as_tensor(answer)
    if tensor is not None:
        return Unwrapped(numbers=tensor)
    if isinstance(answer, np.ndarray):
        answer = answer.tolist()
    if _is_rows(answer, count):
        flat = [row[0] if isinstance(row, list | tuple) and len(row) == 1 else row for row in answer]
        if flat and all(isinstance(name, str | bytes) for name in flat):
            return Unwrapped(numbers=names_as_labels(flat, classes, num_classes), taken="names of classes")
        rows = nested(answer)
        if rows is not None and (fits(rows, count, num_classes) or squeezed(rows, count, num_classes).ndim == 1):
            return Unwrapped(numbers=rows)
    if isinstance(answer, list | tuple):
        scored = scored_rows(answer, count, classes, num_classes)
        if scored is not None:
            return Unwrapped(numbers=scored, taken="lists of labels and scores")
    if isinstance(answer, Mapping) and count == 1 and says_scores(answer, classes):
        scored = scored_rows([answer], 1, classes, num_classes)
        assert scored is not None
        return Unwrapped(numbers=scored, taken="lists of labels and scores")
    member = fitting_member(answer, count, num_classes)
    if member is not None:
        return Unwrapped(numbers=member[0], taken=member[1])
    rows = nested(answer) if isinstance(answer, list | tuple) else None
    if rows is not None:
        return Unwrapped(numbers=rows)
    what = "an empty " if members_of(answer) == {} else "a "
    raise UnreadError(
        f"the model answers with {what}{type(answer).__name__} in which no answers to {count} images are found",
        f"let it return an array ({count}, {num_classes}), or one label for each image",
    )


def _is_rows(answer: Any, count: int) -> bool:
    return isinstance(answer, list | tuple) and not hasattr(answer, "_asdict") and len(answer) == count
