"""Whether the defaults of a component's parameters are plain data, as recipes, keys and listings need them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import attrs

from fpframe.errors import PluginError

#: What no file of parameters can hold and no equality can compare: module, class, and what it is called.
_NOT_PLAIN = (
    ("torch", "Tensor", "a tensor"),
    ("torch.nn", "Module", "a network"),
    ("numpy", "ndarray", "an array"),
    ("numpy", "generic", "a scalar of numpy"),
)


def check_defaults(component: Any) -> None:
    """Make sure that no parameter of a component that was made without arguments is a tensor, an array or a network.

    Raises:
        PluginError: one is, or holds one.
    """
    for field in attrs.fields(type(component)):
        kind = _not_plain(getattr(component, field.name))
        if kind is not None:
            raise PluginError(
                f"'{field.name}' of {type(component).__name__} is {kind} by default, and parameters are plain data; "
                "give it a number, a text, or a tuple of them, and make the rest of it where it is used"
            )


def _not_plain(value: Any) -> str | None:
    if isinstance(value, bool | int | float | str):  # numpy's float64 too, which is a float
        return None
    for module, kind, name in _NOT_PLAIN:
        # whoever has such a value has imported its library, which takes seconds
        if module in sys.modules and isinstance(value, getattr(sys.modules[module], kind)):
            return name
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        return next((found for each in value if (found := _not_plain(each)) is not None), None)
    return None
