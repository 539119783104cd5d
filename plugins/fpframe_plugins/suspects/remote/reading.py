"""From the bytes of an answer to what it says of each image."""

from __future__ import annotations

import math
from typing import Any

import attrs
import jsonpath_rfc9535 as jsonpath
import numpy as np

from fpframe.base import parse_json
from fpframe_plugins.suspects.remote.description import AnswerForm

#: How numbers are written that JSON has none for.
_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
#: Levels of lists in lists, and the like.
_DEEPEST = 32
#: Letters of an answer that a message shows.
_SHOWN = 120


class UnfitError(Exception):
    """An answer in which nothing was found; the service failed, or is described wrongly."""


@attrs.frozen(eq=False)
class AnswerPath:
    """Where an answer stands.

    Attributes:
        form: how it is described.
    """

    form: AnswerForm
    _query: jsonpath.JSONPathQuery

    @classmethod
    def of(cls, form: AnswerForm) -> AnswerPath:
        """Return the path of a description.

        Raises:
            ValueError: it is no JSON path.
        """
        try:
            return cls(form, jsonpath.compile(form.at))
        except jsonpath.JSONPathError as error:
            raise ValueError(f"'{form.at}' is not a JSON path: {str(error).splitlines()[0]}") from error

    def find(self, body: bytes) -> Any:
        """Return what an answer says of the images that were sent.

        Raises:
            UnfitError: it is not JSON, or there is nothing in that place.
        """
        try:
            said = parse_json(body, finite=False)
        except ValueError as error:
            raise UnfitError(f"an answer that is not JSON: {_first(str(error))} ({excerpt(body)})") from error
        if _deeper(said, _DEEPEST):
            raise UnfitError(f"an answer that nests too deeply ({excerpt(body)})")
        found = self._query.find(said).values()
        if not found:
            raise UnfitError(f"an answer that has nothing at {self.form.at} ({excerpt(body)})")
        if self.form.form == "tensor":
            return self._tensors(found, body)
        return _numbers(found[0] if self._query.singular_query() else list(found))

    def _tensors(self, found: list[Any], body: bytes) -> Any:
        tensors = {}
        for number, tensor in enumerate(found):
            try:
                name = str(tensor.get("name", number))
                tensors[name] = _tensor(tensor)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise UnfitError(f"an answer that has no tensor at {self.form.at} ({excerpt(body)})") from error
        return next(iter(tensors.values())) if len(tensors) == 1 else tensors


def excerpt(body: bytes) -> str:
    """Return the beginning of an answer, for people."""
    text = "".join(
        letter if letter.isprintable() else " " for letter in body[: 2 * _SHOWN].decode("utf-8", "replace")
    ).strip()
    return f"it begins with {text[:_SHOWN]!r}" if text else "it is empty"


def _tensor(tensor: dict[str, Any]) -> Any:
    data, shape = _numbers(tensor["data"]), [int(size) for size in tensor["shape"]]
    if any(isinstance(value, str) for value in data):
        return data  # names of classes
    return np.asarray(data, dtype=np.int64 if _are_whole(data) else np.float64).reshape(shape)


def _are_whole(data: list[Any]) -> bool:
    return all(isinstance(value, int) for value in data)


def _numbers(node: Any) -> Any:
    """Return an answer in which what stands for a number that does not exist is one."""
    if isinstance(node, list):
        mixed = any(isinstance(value, int | float) for value in node) or all(value is None for value in node)
        if mixed:
            return [
                math.nan if value is None else _NUMBERS.get(value, value) if isinstance(value, str) else value
                for value in node
            ]
        if node and all(isinstance(value, str) and value in _NUMBERS for value in node):
            return [_NUMBERS[value] for value in node]
        return [_numbers(value) for value in node]
    if isinstance(node, dict):
        return {key: _numbers(value) for key, value in node.items()}
    return node


def _deeper(node: Any, levels: int) -> bool:
    if not isinstance(node, list | dict):
        return False
    inner = node.values() if isinstance(node, dict) else node
    return not levels or any(_deeper(part, levels - 1) for part in inner)


def _first(text: str) -> str:
    return (text.splitlines() or [""])[0]
