"""When what was learned about a plugin no longer holds: its files, or what is installed beside it, have changed."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterable
from pathlib import Path

#: What a plugin is judged by, below fpframe's own folder.
_JUDGES = (
    "registry/defaults.py",
    "registry/entry.py",
    "registry/hookspecs.py",
    "registry/offers.py",
    "registry/signatures.py",
    "registry/target.py",
    "interfaces/*.py",
)


def sources_stamp(package: str) -> str:
    """Return a digest of path, size and time of change of all Python files of a top-level package or module.

    Nothing is imported: it is looked for by whatever finds it for an import.
    """
    return _stamp(_files_of(package))


def interfaces_stamp() -> str:
    """Return the same of the files of fpframe by which plugins are judged."""
    return _stamp(_judges(Path(__file__).parents[1]))


def environment_stamp() -> str:
    """Return a digest of the folders in which installed packages lie; it changes when something is installed."""
    folders = [Path(entry) for entry in sys.path if entry]
    times = [f"{folder} {folder.stat().st_mtime_ns}" for folder in folders if folder.is_dir()]
    return hashlib.sha256("\n".join([sys.version, *times]).encode()).hexdigest()


def _stamp(files: Iterable[Path]) -> str:
    state = hashlib.sha256()
    for file in files:
        found = file.stat()
        state.update(f"{file} {found.st_size} {found.st_mtime_ns}\n".encode())
    return state.hexdigest()


def _judges(folder: Path) -> list[Path]:
    files: list[Path] = []
    for pattern in _JUDGES:
        found = sorted(folder.glob(pattern))
        if not found:  # the digest of nothing would never change
            raise FileNotFoundError(f"nothing matches '{pattern}' ({folder}); plugins are judged by it")
        files += found
    return files


def _files_of(package: str) -> list[Path]:
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    folders = spec.submodule_search_locations
    if folders is None:
        return [Path(spec.origin)] if spec.origin and Path(spec.origin).is_file() else []
    found = [
        Path(base, name)
        for folder in folders
        for base, _, names in os.walk(folder)
        for name in names
        if name[-3:] == ".py"
    ]
    return sorted(found)
