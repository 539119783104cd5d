"""The child process that imports plugins: it writes one line of JSON for each, and survives what it can."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
from collections.abc import Sequence
from typing import Any

import attrs

from fpframe import interfaces
from fpframe.errors import PluginError
from fpframe.registry.offers import Description, imported_offers, one_line, require_api


def main(entries: Sequence[tuple[str, str]]) -> None:
    """Import each plugin, say what it offers, and end the process without anything that plugins left for its end.

    Args:
        entries: of each the name, and ``module`` or ``module:object``.
    """
    report = _private_stdout()
    for name in dir(interfaces):  # and torch with them: no plugin's time is spent on what all of them need
        getattr(interfaces, name)
    print(json.dumps({"ready": True}), file=report, flush=True)
    for name, target in entries:
        print(json.dumps(_told(name, target)), file=report, flush=True)
    os._exit(0)


def _private_stdout() -> Any:
    """Return a writer for the parent alone; what plugins print goes nowhere."""
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    return report


def _told(name: str, target: str) -> dict[str, Any]:
    try:
        require_api(_declared_api(target.partition(":")[0]))
        offers = imported_offers(target, name=name)
        return {"offers": [attrs.asdict(Description.of(offer)) for offer in offers.values()], "error": None}
    except PluginError as error:
        return {"offers": [], "error": one_line(error)}
    except BaseException as error:  # a KeyboardInterrupt, say
        return {"offers": [], "error": f"it fails at import: {one_line(error)}"}


def _declared_api(module: str) -> object:
    """Return the value of ``fpframe_api`` in a module's source, which is read before it can fail for want of a name."""
    try:
        spec = importlib.util.find_spec(module)
        source = spec.loader.get_source(module) if spec is not None and spec.loader is not None else None  # type: ignore[attr-defined]
        tree = ast.parse(source or "")
    except (ImportError, AttributeError, SyntaxError, ValueError):
        return None  # the import says what is wrong
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
            if "fpframe_api" in names:
                return statement.value.value
    return None
