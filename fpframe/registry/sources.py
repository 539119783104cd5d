"""`source_digest`: which source a package has, whatever it says of its version."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path


@cache
def source_digest(package: str) -> str:
    """Return the SHA-256 over the Python files of a top-level package or module; empty where none can be found.

    It depends on their contents and on their places in the package, not on where that lies. What is imported is in
    memory, so a change of the files later in the same process is not seen.
    """
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return ""
    if spec is None:
        return ""
    if spec.submodule_search_locations is None:
        return _digest([(Path(spec.origin).name, Path(spec.origin))]) if spec.origin and _is_source(spec.origin) else ""
    return _digest(
        (path.relative_to(folder).as_posix(), path)
        for folder in map(Path, spec.submodule_search_locations)
        for path in folder.rglob("*.py")
    )


def _is_source(origin: str) -> bool:
    return Path(origin).is_file()


def _digest(files: Iterable[tuple[str, Path]]) -> str:
    state = hashlib.sha256()
    for name, path in sorted(files):
        state.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return state.hexdigest()
