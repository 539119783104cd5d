"""Folders that hold one model, with a ``config.json`` that says which."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import fpframe
from fpframe.base import Address

#: Bytes of a config at most.
_MOST = 16 * 2**20


def config_of(address: str) -> Mapping[str, Any]:
    """Return what the ``config.json`` of the folder at an address says; nothing where it cannot be read."""
    if not address or Address.parse(address).prefix:
        return {}
    return read_json(Path(address, "config.json"))


def read_json(path: Path) -> Mapping[str, Any]:
    """Return an object that is written in a file; an empty one where there is none."""
    try:
        if not path.is_file() or path.stat().st_size > _MOST:
            return {}
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, Mapping) else {}


def weights_of(folder: Path, names: Iterable[str], *, saver: str) -> Path:
    """Return the first of some files that a folder has.

    Args:
        folder: the folder.
        names: the files, the best first.
        saver: the function that saves such a folder, for the message that there is none.

    Raises:
        ModelError: it has none of them, or is gone.
    """
    if not folder.is_dir():
        raise fpframe.ModelError(f"no such folder: '{folder}' (seen from {Path.cwd()}); check the path")
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    exported = next(iter(sorted(folder.glob("*.onnx"))), None)
    if found is None and exported is not None:
        raise fpframe.ModelError(f"no weights in the folder, but an ONNX file ({folder}); name {exported}")
    if found is None:
        raise fpframe.ModelError(
            f"no weights in the folder, such as {next(iter(names))} ({folder}); save it again with {saver}"
        )
    return found
