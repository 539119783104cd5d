"""What a model in memory calls its classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from fpframe.interfaces import SuspectRequest
from fpframe.models.classes import ClassMap


def own_class_names(model: Any) -> tuple[str, ...]:
    """Return what a network or function calls its classes, in its order; empty where it says nothing.

    A list ``class_names`` of its own says so, or ``id2label`` of its ``config``, as transformers writes it.
    """
    named = getattr(model, "class_names", None)
    if isinstance(named, list | tuple):
        return tuple(named) if all(isinstance(name, str) for name in named) else ()
    numbered = getattr(getattr(model, "config", None), "id2label", None)
    if not isinstance(numbered, Mapping):
        return ()
    try:
        by_number = {int(number): name for number, name in numbered.items()}
    except (TypeError, ValueError):
        return ()
    complete = sorted(by_number) == list(range(len(by_number)))
    names = tuple(name for _, name in sorted(by_number.items()))
    if names == tuple(f"LABEL_{number}" for number in range(len(names))):
        return ()  # what transformers writes where nobody named them
    return names if complete and all(isinstance(name, str) for name in names) else ()


def with_own_classes(request: SuspectRequest, names: Sequence[str]) -> tuple[SuspectRequest, tuple[str, ...]]:
    """Return the request for a model whose own files name its classes, and the names that count.

    Where these say which of the requested classes the model tells, it is taken to tell as many as it names. Otherwise
    another number of names says nothing: whoever puts a new head on a network often leaves the old names beside it.
    """
    if len(names) == request.num_classes:
        return request, tuple(names)
    if not names or ClassMap.by_own_names(names, request.classes) is None:
        return request, ()
    return attrs.evolve(request, num_classes=len(names)), tuple(names)
