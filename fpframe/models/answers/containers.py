"""Containers of answers: what a library wraps around the one tensor that is the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from fpframe.models.answers.arrays import as_tensor
from fpframe.models.answers.shapes import fits, squeezed
from fpframe.models.answers.unread import UnreadError

#: Members that are taken before others where several fit, in this order.
_FIRST = ("logits", "probs", "probabilities")
#: Members that hold labels.
_LABELS = ("label", "labels", "pred", "preds", "prediction", "predictions", "class", "classes", "class_id", "class_ids")


def members_of(answer: Any) -> dict[str, Any] | None:
    """Return the members of a container by name or number; ``None`` where it is not one."""
    if isinstance(answer, Mapping):
        return {str(name): value for name, value in answer.items()}
    if isinstance(answer, tuple) and hasattr(answer, "_asdict"):
        return {str(name): value for name, value in answer._asdict().items()}
    if isinstance(answer, list | tuple):
        return {str(number): value for number, value in enumerate(answer)}
    named = [name for name in _FIRST if getattr(answer, name, None) is not None]
    return {name: getattr(answer, name) for name in named[:1]} or None


def fitting_member(answer: Any, count: int, classes: int) -> tuple[Tensor, str] | None:
    """Return the one member of a container that is an answer to `count` images, and what it is called.

    Raises:
        UnreadError: several members fit; or none does, and it has names or holds tensors of which none fits.
    """
    members = members_of(answer)
    if members is None:
        return None
    numbers = dict(_tensors(members))
    fitting = [name for name, value in numbers.items() if fits(value, count, classes)]
    chosen = [name for name in _FIRST if name in fitting][:1] or fitting or list(_label_members(numbers, count))
    if len(chosen) == 1:
        return numbers[chosen[0]], f"member '{chosen[0]}' of a {type(answer).__name__}"
    if (
        isinstance(answer, Sequence)
        and not hasattr(answer, "_asdict")
        and not chosen
        and not _side_by_side(numbers, count)
    ):
        return None  # a list of rows, perhaps
    shapes = ", ".join(f"'{name}' {tuple(value.shape)}" for name, value in numbers.items()) or "no numbers"
    raise UnreadError(
        f"the model answers with a {type(answer).__name__} of which "
        f"{'several members fit' if chosen else 'no member fits'} ({shapes})",
        f"let it return one array ({count}, {classes}), or call one member 'logits'",
    )


def _tensors(members: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    for name, value in members.items():
        tensor = None if isinstance(value, str | bytes) else as_tensor(value)
        if tensor is None and isinstance(value, list | tuple):
            tensor = nested(value)
        if tensor is not None and tensor.ndim:
            yield name, tensor


def _side_by_side(numbers: Mapping[str, Tensor], count: int) -> bool:
    """Tell whether each member has something for every image, as features have that stand beside logits."""
    rows = [value.ndim > 1 and len(value) == count for value in numbers.values()]
    return len(rows) not in (0, count) and all(rows)


def _label_members(numbers: Mapping[str, Tensor], count: int) -> Iterator[str]:
    for name, value in numbers.items():
        if name.lower() in _LABELS and squeezed(value, count, 0).shape == (count,):
            yield name


def nested(rows: Sequence[Any]) -> Tensor | None:
    """Return rows, columns, or lists in lists, of numbers or tensors, as one tensor; ``None`` for anything else."""
    parts = []
    for row in rows:
        part = nested(row) if isinstance(row, list | tuple) else as_tensor(row)
        if part is None:
            return None
        parts.append(part)
    if not parts or any(part.shape != parts[0].shape for part in parts):
        return None
    return stacked(parts)


def stacked(parts: Sequence[Tensor]) -> Tensor:
    """Return tensors as one, in the element type that holds them all."""
    dtype = parts[0].dtype
    for part in parts[1:]:
        dtype = torch.promote_types(dtype, part.dtype)
    return torch.stack([part.to(dtype) for part in parts])
