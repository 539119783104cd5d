"""How a lineage is written: ``name(value, key=value)[value, key=value]``, steps joined by ``->``."""

from __future__ import annotations

import json
import re
from typing import Any

import attrs

from fpframe.errors import RecipeError

#: Text that needs no quotes; what JSON would read as something else does.
_BARE = re.compile(r"[A-Za-z][\w.:/+-]*")
_JSON_WORDS = ("true", "false", "null", "NaN", "Infinity")
_NAME = re.compile(r"\s*([A-Za-z][\w-]*)\s*")


@attrs.frozen
class Words:
    """One step as it was written.

    Attributes:
        name: what stands first.
        given: values in round brackets without a name.
        named: values in round brackets by name.
        notes: values in square brackets without a name.
        settings: values in square brackets by name.
    """

    name: str
    given: tuple[Any, ...]
    named: dict[str, Any]
    notes: tuple[Any, ...]
    settings: dict[str, Any]


def read_steps(text: str) -> list[Words]:
    """Return the steps of a lineage.

    Raises:
        RecipeError: the text is not a lineage.
    """
    return [_read_step(piece, text) for piece in _split(text, "->", text)]


def write_value(value: Any) -> str:
    """Return a value as it is written: words as they are, other text in quotes, numbers as in JSON."""
    if isinstance(value, str) and _BARE.fullmatch(value) and value not in _JSON_WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def _read_step(text: str, whole: str) -> Words:
    match = _NAME.match(text)
    if match is None:
        raise RecipeError(
            f"cannot read the step '{text.strip()}' (lineage '{whole}'); write it like prune(0.4)->finetune(all)"
        )
    name, rest = match[1], text[match.end() :].strip()
    call, rest = _group(rest, "(", ")", whole)
    notes, rest = _group(rest, "[", "]", whole)
    if rest:
        raise RecipeError(f"'{rest}' is left over after '{name}' (lineage '{whole}')")
    return Words(name, *_arguments(call, whole), *_arguments(notes, whole))


def _read(text: str, whole: str) -> Any:
    if _BARE.fullmatch(text) and text not in _JSON_WORDS:
        return text
    if not text:
        raise RecipeError(f"a value is missing (lineage '{whole}')")
    try:
        if text not in ("NaN", "Infinity", "-Infinity"):  # JSON has none of them, Python's reader has
            return json.loads(text)
        raise ValueError
    except ValueError as error:
        raise RecipeError(f"cannot read '{text}' (lineage '{whole}'); put text in double quotes") from error


def _arguments(text: str, whole: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return what stands between brackets: values without a name, and values by name."""
    given: list[Any] = []
    named: dict[str, Any] = {}
    for piece in _split(text, ",", whole) if text.strip() else []:
        key, equals, value = piece.partition("=")
        if equals and '"' not in key:
            if key.strip() in named:
                raise RecipeError(f"'{key.strip()}' is given twice (lineage '{whole}')")
            named[key.strip()] = _read(value.strip(), whole)
        elif named:
            raise RecipeError(f"'{piece.strip()}' stands after a parameter with a name (lineage '{whole}')")
        else:
            given.append(_read(piece.strip(), whole))
    return tuple(given), named


def _group(text: str, opening: str, closing: str, whole: str) -> tuple[str, str]:
    """Return what stands in brackets at the beginning of a text, and what comes after them."""
    if not text.startswith(opening):
        return "", text
    inside, *rest = _split(text[1:], closing, whole)
    if not rest:
        raise RecipeError(f"'{closing}' is missing after '{opening}{inside}' (lineage '{whole}')")
    return inside, text[1 + len(inside) + 1 :].strip()


def _split(text: str, mark: str, whole: str) -> list[str]:
    """Split at every `mark` that stands outside quotes and inner brackets."""
    pieces, depth, quoted, start, index = [], 0, False, 0, 0
    while index < len(text):
        letter = text[index]
        if quoted and letter == "\\":
            index += 1
        elif letter == '"':
            quoted = not quoted
        elif not quoted and depth == 0 and text.startswith(mark, index):
            pieces.append(text[start:index])
            start = index + len(mark)
            index = start - 1
        elif not quoted and letter in "([":
            depth += 1
        elif not quoted and letter in ")]":
            depth -= 1
        index += 1
    if quoted:
        raise RecipeError(f"a closing quote is missing (lineage '{whole}')")
    return [*pieces, text[start:]]
