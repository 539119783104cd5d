"""Refuse to write over what is there already, before any work is done for it."""

from __future__ import annotations

from pathlib import Path

from fpframe.errors import UsageError


def refuse_file(path: Path, *, force: bool) -> None:
    """Refuse to overwrite a file.

    Raises:
        UsageError: it exists and `force` is not set, or it is a folder.
    """
    if path.is_dir():
        raise UsageError(f"output is a folder ({path}); name a file")
    if path.exists() and not force:
        raise UsageError(f"output exists already ({path}); name another file, or overwrite it with --force")


def refuse_folder(path: Path, *, force: bool) -> None:
    """Refuse a folder that holds something already.

    Raises:
        UsageError: it does and `force` is not set, or it is a file.
    """
    if path.exists() and not path.is_dir():
        raise UsageError(f"output is a file ({path}); name a folder")
    if path.exists() and any(path.iterdir()) and not force:
        raise UsageError(f"output folder exists already ({path}); choose another --out, or overwrite it with --force")


def refuse_export(folder: Path, index: str, *, force: bool) -> None:
    """Refuse a folder that holds something already, and even with `force` one that does not hold an export.

    Args:
        folder: the folder.
        index: the file that lists what an export wrote.
        force: whether an earlier export may be overwritten.

    Raises:
        UsageError: names the folder.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not (force and (folder / index).exists()):
        raise UsageError(f"output exists already ({folder}); choose another --out, or overwrite an export with --force")
