"""Which names a plugin takes from fpframe that nobody has promised to keep."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import fpframe
from fpframe.testing.promised import PROMISED


def unpromised_in(module: str) -> list[str]:
    """Return what a module, and the modules of its own package that it imports, take from fpframe without a promise.

    Each is a line such as ``checker.py, line 7: fpframe.zoo.make``. Nothing is imported for it.
    """
    package = module.partition(".")[0]
    seen, waiting, found = {module}, [module], list[str]()
    while waiting:
        file = _source(waiting.pop())
        if file is None:  # compiled, or typed into an interpreter
            continue
        found += unpromised(file)
        new = {name for name in _imported(file) if name.partition(".")[0] == package} - seen
        seen |= new
        waiting += sorted(new)
    return found


@cache
def unpromised(file: Path) -> tuple[str, ...]:
    """Return what one file takes from fpframe without a promise, in order of line."""
    names = sorted({(line, name) for line, name in _taken(_parsed(file)) if not _is_promised(name)})
    return tuple(f"{file.name}, line {line}: {name}{_hint(name)}" for line, name in names)


def _is_promised(name: str) -> bool:
    """Tell whether a full name is promised; `name` may go on with an attribute of what is promised."""
    parts = name.split(".")
    if len(parts) == 1 or parts[1] in dir(fpframe):
        return True
    module = ".".join(parts[:2])
    if module == "fpframe.testing":
        from fpframe import testing

        return len(parts) == 2 or parts[2] in dir(testing)
    return module in PROMISED and (len(parts) == 2 or parts[2] in PROMISED[module])


def _hint(name: str) -> str:
    last = name.rpartition(".")[2]
    return f" (use fpframe.{last})" if last in dir(fpframe) else ""


def _taken(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the full name of each thing of fpframe that a file imports or reaches by attributes, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and _is_ours(node.module or ""):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if _is_ours(alias.name))
        elif isinstance(node, ast.Attribute) and _is_ours(name := _dotted(node)):
            yield node.lineno, name


def _dotted(node: ast.expr) -> str:
    """Return ``a.b.c`` for such an expression, and nothing for any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == "fpframe"


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(_parsed(file)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _source(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):  # a name inside a module, or a module without a file
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None
