"""Validators for hyper-parameters, with messages that name owner, parameter, range and value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from fpframe.errors import ParameterError, nearest

Validator = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def _refuse(owner: Any, field: str, expected: str, value: object, hint: str = "") -> None:
    name = getattr(owner, "name", None) or type(owner).__name__
    raise ParameterError(f"'{field}' of '{name}' must be {expected} (got {value!r}){hint}")


def number(*, low: float, high: float = float("inf"), open_low: bool = False, optional: bool = False) -> Validator:
    """Accept a real number in [low, high], or in (low, high] with `open_low`."""
    left = f"above {low:g}" if open_low else f"at least {low:g}"
    expected = f"a number {left}" + (f" and at most {high:g}" if high < float("inf") else "")

    def check(owner: Any, field: attrs.Attribute[Any], value: Any) -> None:
        if optional and value is None:
            return
        valid = isinstance(value, int | float) and not isinstance(value, bool)
        if not valid or not (low < value if open_low else low <= value) or value > high or value == float("inf"):
            _refuse(owner, field.name, expected, value)

    return check


def whole(*, low: int, high: int | None = None, optional: bool = False) -> Validator:
    """Accept an integer in [low, high]."""
    expected = f"a whole number of at least {low}" + (f" and at most {high}" if high is not None else "")

    def check(owner: Any, field: attrs.Attribute[Any], value: Any) -> None:
        if optional and value is None:
            return
        if not isinstance(value, int) or isinstance(value, bool) or value < low or (high is not None and value > high):
            _refuse(owner, field.name, expected, value)

    return check


def one_of(*options: str) -> Validator:
    """Accept one of the given words."""

    def check(owner: Any, field: attrs.Attribute[Any], value: Any) -> None:
        if value not in options:
            hint = nearest(str(value), options)
            # the options are listed already
            hint = hint if "did you mean" in hint else ""
            _refuse(owner, field.name, f"one of {', '.join(options)}", value, hint)

    return check


def all_of(*options: str) -> Validator:
    """Accept a list of some of the given words, each at most once."""
    expected = f"a list of some of {', '.join(options)}, each once at most"

    def check(owner: Any, field: attrs.Attribute[Any], value: Any) -> None:
        if isinstance(value, str) or not set(value) <= set(options) or len(set(value)) < len(value):
            _refuse(owner, field.name, expected, value if isinstance(value, str) else list(value))

    return check


def flag(owner: Any, field: attrs.Attribute[Any], value: Any) -> None:
    """Accept true or false."""
    if not isinstance(value, bool):
        _refuse(owner, field.name, "true or false", value)


def some(owner: Any, field: attrs.Attribute[Any], value: Any) -> None:
    """Accept a list that is not empty."""
    if not len(value):
        _refuse(owner, field.name, "a list of at least one", list(value))


def epsilon_pixels(owner: Any, field: attrs.Attribute[Any], value: Any) -> None:
    """Accept an L-infinity epsilon in pixel units, in (0, 1)."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1:
        return
    hint = f"; did you mean {value:g}/255?" if isinstance(value, int | float) and 1 <= value <= 255 else ""
    _refuse(owner, field.name, "in (0, 1) in pixel units", value, hint)
