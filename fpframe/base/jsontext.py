"""`parse_json`: read JSON that means one thing only."""

from __future__ import annotations

import json
import math
from typing import Any


def parse_json(text: bytes | str, *, finite: bool = True) -> Any:
    """Return the value of a JSON text in UTF-8.

    Python's own reader takes more than the standard allows: of two equal keys it keeps the last, so that two programs
    may read two values from one file, and it knows NaN and Infinity, which compare false with everything.

    Args:
        text: the text.
        finite: whether numbers must be finite; otherwise ``NaN`` and ``Infinity`` are read as such, and so are numbers
            that are too large.

    Raises:
        ValueError: it is not JSON, has a key twice in one object, a number that is not finite, or nests too deeply.
    """
    try:
        return json.loads(
            text.decode("utf-8") if isinstance(text, bytes) else text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant if finite else None,
            parse_float=_finite if finite else None,
        )
    except RecursionError as error:
        raise ValueError("it nests too deeply") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise ValueError(f"the key '{key}' occurs twice in one object")
        made[key] = value
    return made


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number of JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is too large for a number")
    return number
