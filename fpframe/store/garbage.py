"""Clear up after killed processes, while others write to the same store."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Literal

import attrs

from fpframe.errors import ResourceError
from fpframe.store.temporary import PREFIX, is_abandoned

Kind = Literal["temporary", "damaged", "sidecar", "folder"]

_NOT_EMPTY = {errno.ENOTEMPTY, errno.EEXIST}
_SIDECAR = re.compile(r"[0-9a-f]{64}\.json")
#: What entries are called: models, and mapped images.
_ENTRIES = (".safetensors", ".u8")


@attrs.frozen(kw_only=True)
class Garbage:
    """One thing that nobody needs any more.

    Attributes:
        path: where it lies, or lay.
        kind: a ``temporary`` file of a writer that has ended, a ``damaged`` entry that was set aside, a ``sidecar``
            without an entry, or an empty ``folder``.
        bytes: its size; 0 for a folder.
    """

    path: Path
    kind: Kind
    bytes: int


def collect(folder: Path, *, dry_run: bool) -> list[Garbage]:
    """Remove the garbage under a folder of entries and return it, in order of path; `dry_run` only returns it.

    What another process removes at the same time is not in the list. A folder that goes while somebody begins to write
    into it is made again by `write_durably`.

    Raises:
        ResourceError: a folder cannot be read, or something cannot be removed.
    """
    found: list[Garbage] = []
    gone: set[Path] = set()
    try:
        # from the inside out, so that a folder that has become empty goes too
        for parent, folders, files in os.walk(folder, topdown=False, onerror=_refuse):
            here = Path(parent)
            for file in sorted(files):
                garbage = _examine(here / file)
                if garbage and (dry_run or _removed(garbage)):
                    found.append(garbage)
                    gone.add(garbage.path)
            empty = Garbage(path=here, kind="folder", bytes=0)
            if all(here / name in gone for name in (*folders, *files)) and (dry_run or _removed(empty)):
                found.append(empty)
                gone.add(here)
    except OSError as error:
        raise ResourceError(
            f"cannot clear up: {error.strerror or error} ({error.filename or folder}); check who owns the store"
        ) from error
    return sorted(found, key=lambda garbage: garbage.path)


def _examine(path: Path) -> Garbage | None:
    try:
        kind = _kind(path)
        return Garbage(path=path, kind=kind, bytes=path.lstat().st_size) if kind else None
    except FileNotFoundError:
        return None


def _kind(path: Path) -> Kind | None:
    if path.name.startswith(PREFIX):
        return "temporary" if is_abandoned(path) else None
    if path.suffix == ".damaged":
        return "damaged"
    # entries are written before their sidecars, so a sidecar alone is not one whose entry is still to come
    if _SIDECAR.fullmatch(path.name) and not any(path.with_suffix(suffix).exists() for suffix in _ENTRIES):
        return "sidecar"
    return None


def _removed(garbage: Garbage) -> bool:
    try:
        if garbage.kind == "folder":
            garbage.path.rmdir()
        else:
            garbage.path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno in _NOT_EMPTY:
            return False  # something was written into the folder meanwhile
        raise
    return True


def _refuse(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
