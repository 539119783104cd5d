"""Read TOML into attrs classes strictly, and say in one line what is wrong with it."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import attrs
import cattrs
from attrs import fields
from cattrs.errors import IterableValidationNote
from cattrs.gen import make_dict_structure_fn

from fpframe.base.reading import MOST_OF_TEXT, read_file, why_unread
from fpframe.errors import ParameterError, RecipeError, first_line, nearest

Kind = TypeVar("Kind")


def _strict(value: Any, kind: type) -> Any:
    # cattrs would turn 1.9 into 1 and "no" into True; a recipe must say what it means
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, got {value!r}")
    return value


def explain(error: BaseException, path: str = "") -> str:
    """Return one line for the first fault that cattrs found, with the path of its key."""
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        key = min(error.extra_fields)
        known = [field.name for field in fields(error.cl)]
        return f"unknown key '{path + key}'{nearest(key, known)}"
    if isinstance(error, cattrs.BaseValidationError):
        # a misspelt key tells more than that the right one is missing
        misspelt = (each for each in error.exceptions if isinstance(each, cattrs.ForbiddenExtraKeysError))
        first = next(misspelt, error.exceptions[0])
        notes = [getattr(note, "name", getattr(note, "index", None)) for note in getattr(first, "__notes__", [])]
        step = next((str(note) for note in notes if note is not None), None)
        return explain(first, f"{path}{step}." if step is not None else path)
    where = path.removesuffix(".")
    if isinstance(error, ParameterError):
        # a recipe has keys, and not owners of parameters
        return re.sub(r"^'(\w+)' of '.*?' must", lambda found: f"'{path}{found[1]}' must", str(error), flags=re.DOTALL)
    if isinstance(error, KeyError):
        return f"key '{where or error.args[0]}' is missing"
    return f"'{where}' is wrong: {error}" if where else str(error)


def make_converter(kinds: Iterable[type], *, nan: bool = False) -> cattrs.Converter:
    """Return a converter for attrs classes that refuses unknown keys and values of another type.

    Args:
        kinds: the classes, inner ones first.
        nan: whether ``None`` in the place of a number becomes NaN, as for JSON.
    """
    converter = cattrs.Converter(forbid_extra_keys=True)

    def structure_list(value: Any, kind: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            # a string would otherwise be taken letter by letter
            raise TypeError(f"expected a list, got {value!r}")
        items = []
        for index, item in enumerate(value):
            try:
                items.append(converter.structure(item, get_args(kind)[0]))
            except Exception as error:
                error.add_note(IterableValidationNote(f"item {index}", index, kind))
                raise cattrs.IterableValidationError("list", [error], kind) from error
        return tuple(items)

    def comes_from(wanted: type) -> Callable[[Any], bool]:
        def check(kind: Any) -> bool:
            origin: Any = get_origin(kind)
            return origin is wanted

        return check

    converter.register_structure_hook_func(comes_from(tuple), structure_list)

    def structure_table(value: Any, kind: Any) -> dict[str, Any]:
        table, inner = _table(value), get_args(kind)[1]
        if not attrs.has(inner):
            return table
        made = {}
        for key, item in table.items():
            try:
                made[key] = converter.structure(item, inner)
            except Exception as error:
                error.add_note(IterableValidationNote(f"key {key}", key, kind))
                raise cattrs.IterableValidationError("table", [error], kind) from error
        return made

    converter.register_structure_hook_func(comes_from(dict), structure_table)
    for plain in (int, float, str, bool):
        converter.register_structure_hook(plain, _strict)
    if nan:
        converter.register_structure_hook(
            float, lambda value, kind: math.nan if value is None else _strict(value, kind)
        )
    for kind in kinds:
        fill: Any = make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True)
        converter.register_structure_hook(kind, _filling(fill))
    return converter


def read_text(path: str | Path, what: str) -> str:
    """Return the text of a TOML file.

    Args:
        path: the file.
        what: what it should hold, for messages.

    Raises:
        RecipeError: it cannot be read, or is not text.
    """
    try:
        # some editors begin a text with a mark of its encoding
        return read_file(path, most=MOST_OF_TEXT).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecipeError(f"the {what} is not UTF-8 text ({path}); save it as UTF-8") from error
    except (OSError, ValueError) as error:
        raise RecipeError(f"cannot read the {what}: {why_unread(error)} ({path})") from error


def parse_text(text: str, kind: type[Kind], converter: cattrs.Converter, *, what: str, origin: str) -> Kind:
    """Return what a TOML text describes.

    Args:
        text: the text.
        kind: an attrs class.
        converter: one of `make_converter`.
        what: what the text should hold, for messages.
        origin: where it comes from, for messages.

    Raises:
        RecipeError: names the key and what is wrong with it.
    """
    try:
        return converter.structure(tomllib.loads(text), kind)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"the {what} is not TOML: {error} ({origin})") from error
    except RecursionError as error:
        raise RecipeError(f"the {what} nests too deeply ({origin})") from error
    except cattrs.BaseValidationError as error:
        raise RecipeError(f"{explain(error)} ({origin})") from error
    except ValueError as error:  # whole numbers of thousands of digits are not read
        raise RecipeError(f"the {what} cannot be read: {first_line(error)} ({origin})") from error


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"expected a table, got {value!r}")
    return value


def _filling(fill: Callable[[dict[str, Any], type], Any]) -> Callable[[Any, type], Any]:
    return lambda value, kind: fill(_table(value), kind)
