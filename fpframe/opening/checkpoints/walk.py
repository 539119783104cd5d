"""`Walk`: where in the content of a pickle tensors lie."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from fpframe.opening.checkpoints.arrays import Array
from fpframe.opening.checkpoints.stubs import Odd, Stub
from fpframe.opening.safetensorsheader import DTYPES

#: Containers that are looked at; a checkpoint has some thousands, a trap as many as it likes.
_MOST = 1_000_000
#: Networks in networks that are looked at.
_DEEPEST = 200
#: Types of tensors that are handed over; not every safetensors that fpframe works with writes complex numbers.
_KEPT = frozenset(kind for kind in DTYPES.values() if not kind.is_complex)
#: What tensors may lie in.
_CONTAINERS = (dict, list, tuple, Stub)


class EndlessError(Exception):
    """There is more to look at than any checkpoint has."""


class Walk:
    """Goes through everything, and lists each mapping of names to tensors.

    Attributes:
        tensors: each tensor once.
        groups: one for each mapping that holds tensors, as JSON-able data: under which names it lies (``path``), the
            number of the tensor of each name (``tensors``), what is no plain tensor (``odd``), which names were arrays
            of NumPy (``arrays``), and for a whole network the class of it (``network``).
    """

    def __init__(self, content: object) -> None:
        """Go through what a pickle holds.

        Raises:
            EndlessError: it has no end.
        """
        self.tensors: list[Tensor] = []
        self.groups: list[dict[str, Any]] = []
        self._numbers: dict[tuple[Any, ...], int] = {}
        if isinstance(content, _CONTAINERS):
            self._visit(content)

    def _visit(self, content: object) -> None:
        """Go through it from the outside to the inside, so that places are called by the shortest name."""
        waiting: deque[tuple[object, tuple[str, ...]]] = deque([(content, ())])
        seen: set[int] = set()
        while waiting:
            found, path = waiting.popleft()
            inner = self._look(found, path)
            # a container may lie in many others, and in itself
            if id(found) in seen:
                continue
            seen.add(id(found))
            waiting.extend((value, (*path, name)) for name, value in inner if isinstance(value, _CONTAINERS))
            if len(seen) + len(waiting) > _MOST:
                raise EndlessError

    def _look(self, found: object, path: tuple[str, ...]) -> list[tuple[str, object]]:
        """List the tensors of one container, and return what else it holds."""
        if isinstance(found, list | tuple):
            return [(str(number), value) for number, value in enumerate(found)]
        if isinstance(found, Stub) and _is_network(found):
            self._group(dict(_of_network(found, "")), path, network=found.called)
            return []
        assert isinstance(found, dict | Stub)
        entries = found.entries | found.attributes if isinstance(found, Stub) else found
        if _is_optimizer(entries):
            return []
        named = dict.items(entries)
        self._group({name: value for name, value in named if isinstance(name, str) and _is_array(value)}, path)
        return [(str(name), value) for name, value in named if isinstance(name, str | int)]

    def _group(self, named: dict[str, object], path: tuple[str, ...], *, network: str = "") -> None:
        group: dict[str, Any] = {"path": path, "tensors": {}, "odd": {}, "arrays": [], "network": network}
        for name, value in named.items():
            try:
                tensor = value.tensor() if isinstance(value, Array) else value
            except (ValueError, TypeError, OverflowError):
                tensor = Odd("array")
            if isinstance(tensor, Tensor) and tensor.layout == torch.strided and tensor.dtype in _KEPT:
                group["tensors"][name] = self._number(tensor.detach())
                group["arrays"] += [name] if isinstance(value, Array) else []
            else:
                group["odd"][name] = tensor.kind if isinstance(tensor, Odd) else "of another type"
        if named:
            self.groups.append(group)

    def _number(self, tensor: Tensor) -> int:
        """Return the number of a tensor; what shares memory shares its number."""
        key: tuple[Any, ...] = (tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
        key = key if tensor.numel() else (len(self.tensors),)
        if key not in self._numbers:
            self._numbers[key] = len(self.tensors)
            self.tensors.append(tensor)
        return self._numbers[key]


def _is_array(value: object) -> bool:
    return isinstance(value, Tensor | Array | Odd)


def _is_optimizer(entries: dict[Any, Any]) -> bool:
    return "state" in entries and "param_groups" in entries


def _is_network(found: Stub) -> bool:
    return isinstance(found.attributes.get("_modules"), dict) and isinstance(found.attributes.get("_parameters"), dict)


def _of_network(found: Stub, prefix: str, depth: int = 0) -> Iterator[tuple[str, object]]:
    """Yield what the state dict of a pickled network would hold."""
    own = found.attributes
    passing = own.get("_non_persistent_buffers_set")
    for kind in ("_parameters", "_buffers"):
        for name, value in dict.items(own[kind]) if isinstance(own.get(kind), dict) else ():
            if _is_array(value) and not (kind == "_buffers" and isinstance(passing, set) and name in passing):
                yield f"{prefix}{name}", value
    for name, part in dict.items(own["_modules"]):
        if isinstance(part, Stub) and _is_network(part) and depth < _DEEPEST:
            yield from _of_network(part, f"{prefix}{name}.", depth + 1)
