"""Refuse to write over what is there already, before any work is done for it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from fpframe.errors import ResourceError, UsageError
from fpframe.store.sealed import is_sealed


def refuse_file(path: Path, *, force: bool) -> None:
    """Refuse to overwrite a file, and a place where none can be written.

    Raises:
        UsageError: it exists and `force` is not set, it is a folder, or it lies in an enrolment.
        ResourceError: its folder cannot be written to.
    """
    if path.is_dir():
        raise UsageError(f"output is a folder ({path}); name a file")
    if path.exists() and not force:
        raise UsageError(f"output exists already ({path}); name another file, or overwrite it with --force")
    refuse_place(path.parent)


def refuse_folder(path: Path, *, force: bool) -> None:
    """Refuse a folder that holds something already, and a place where nothing can be written.

    Raises:
        UsageError: it does and `force` is not set, it is a file, or it lies in an enrolment.
        ResourceError: it cannot be written to.
    """
    if path.exists() and not path.is_dir():
        raise UsageError(f"output is a file ({path}); name a folder")
    if path.exists() and any(path.iterdir()) and not force:
        raise UsageError(f"output folder exists already ({path}); choose another --out, or overwrite it with --force")
    refuse_place(path)


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
    refuse_place(folder)


def refuse_place(folder: Path) -> None:
    """Refuse a folder that is an enrolment or lies in one, and one that cannot be written to or made.

    What lies in an enrolment and is not listed there would keep it from being opened ever again.

    Raises:
        UsageError: names the enrolment.
        ResourceError: names the folder that cannot be written to.
    """
    whole = Path(os.path.realpath(folder))
    for above in (whole, *whole.parents):
        if is_sealed(above):
            raise UsageError(
                f"the output would lie inside an enrolment, which could not be opened any more ({above}); name another "
                "place"
            )
    there = next(above for above in (whole, *whole.parents) if above.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise ResourceError(
            f"the output cannot be written: {error.strerror or error} ({there}); name another place"
        ) from error
