"""Addresses: the short strings by which users name models and data sets, such as ``timm:resnet18``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from fpframe.errors import UsageError, first_line, nearest


@attrs.frozen
class Address:
    """An address split at its first colon.

    Attributes:
        prefix: what comes before the colon; empty for a plain name or path.
        rest: what comes after it.
    """

    prefix: str
    rest: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Split `text`; a Windows drive letter is not a prefix."""
        prefix, colon, rest = text.partition(":")
        if not colon or len(prefix) < 2 or "/" in prefix or "\\" in prefix:
            return cls("", text)
        return cls(prefix, rest)

    def __str__(self) -> str:
        return f"{self.prefix}:{self.rest}" if self.prefix else self.rest


def as_address(where: str | Path) -> str:
    """Return the address of something: a text as it is, and of a path one that is no other address.

    A name with a colon, such as ``a1:b.onnx``, reads as an address; as a path it is written ``./a1:b.onnx``.
    """
    text = str(where)
    return f"./{text}" if isinstance(where, Path) and Address.parse(text).prefix else text


def import_callable(rest: str) -> Callable[..., Any]:
    """Import the ``MODULE:FUNCTION`` of a ``python:`` address; modules in the current folder are found too.

    The current folder is appended to ``sys.path`` and stays there: the function may import its neighbours when it is
    called, and so must it in worker processes.

    Raises:
        UsageError: there is no such module or function, or the module fails at import.
    """
    module_name, colon, function_name = rest.partition(":")
    if not colon or not module_name or not function_name:
        raise UsageError(f"'python:{rest}' is not an address; write python:MODULE:FUNCTION")
    try:
        folder = str(Path.cwd())
    except FileNotFoundError as error:
        raise UsageError("the current folder does not exist any more; change to another one") from error
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"cannot import module '{module_name}': {_why(error)} (python:{rest}); "
            "modules are searched in the current folder and the installed packages"
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        known = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise UsageError(f"module '{module_name}' has no function '{function_name}'{nearest(function_name, known)}")
    return function  # type: ignore[no-any-return]


def _why(error: BaseException) -> str:
    """Return why a module failed, with what to do where an environment variable is missing.

    A suspect's own process sees only harmless variables, and all that Python says of one that is not there is its name.
    """
    name = error.args[0] if isinstance(error, KeyError) and error.args else None
    if not isinstance(name, str):
        return first_line(error)
    variable = name.isidentifier() and name.isupper()
    return f"there is no '{name}'" + (f"; 'verify' hands an environment variable over with --env {name}" * variable)
