"""What is subtracted from pixels and what they are divided by: one number per channel, checked at once."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import attrs

from fpframe.errors import ParameterError


def per_channel(values: Iterable[float] | float | None) -> tuple[float, ...] | None:
    """Return numbers as a tuple: those of a list, an array or a tensor, or a single one.

    Raises:
        ParameterError: they are not numbers.
    """
    if values is None:
        return None
    try:
        return (float(values),) if isinstance(values, int | float) else tuple(float(value) for value in values)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"mean and std must be numbers, one per channel (got {values!r})") from error


def finite(owner: Any, field: attrs.Attribute[Any], value: tuple[float, ...] | None) -> None:
    """Accept numbers that are finite, at least one."""
    if value is not None and not (value and all(map(math.isfinite, value))):
        raise ParameterError(f"'{field.name}' of '{type(owner).__name__}' must be finite numbers (got {value})")


def positive(owner: Any, field: attrs.Attribute[Any], value: tuple[float, ...] | None) -> None:
    """Accept numbers above zero."""
    finite(owner, field, value)
    if value is not None and min(value) <= 0:
        raise ParameterError(f"'{field.name}' of '{type(owner).__name__}' must be positive (got {value})")
