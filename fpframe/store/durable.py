"""`write_durably`: files that are whole or absent, also after a crash."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path

from fpframe.errors import ResourceError
from fpframe.store.temporary import temporary_name

#: How often a write begins anew when the folder under it is removed by somebody who clears up.
_ATTEMPTS = 16

#: What file systems answer that cannot sync folders, such as some network shares. They promise nothing to ask for.
_CANNOT_SYNC = {errno.EINVAL, errno.EBADF, errno.ENOTSUP}


def write_durably(path: Path, content: bytes) -> None:
    """Write a file so that it is whole or absent: temporary file, fsync, rename, fsync of the folder.

    Missing folders are made, and are durable too. What was there under the name stays until the new file is whole. A
    process that is killed on the way leaves nothing but a temporary file, which `Store.collect_garbage` knows by name.

    Raises:
        ResourceError: the disk is full or cannot be written; no temporary file is left.
    """
    holders: set[Path] = {path.parent}
    try:
        for attempts_left in reversed(range(_ATTEMPTS)):
            try:
                holders |= _make_folder(path.parent)
                _write(path, content)
                break
            except (FileNotFoundError, FileExistsError):
                # the folder went before there was a file in it to hold it, or while it was looked at
                if not attempts_left:
                    raise
        for folder in sorted(holders, reverse=True):
            _sync_folder(folder)
    except OSError as error:
        raise ResourceError(
            f"cannot write: {error.strerror or error} ({path}); free space, or choose another folder"
        ) from error


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(temporary_name())
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):  # what went wrong first is what counts
            temporary.unlink()
        raise


def _make_folder(folder: Path) -> set[Path]:
    """Make a folder and its parents, and return in which folders there is a new one.

    They are synced when the file is written: a new folder is empty until then, and whoever clears up may remove it.
    """
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(exist_ok=True)
    return {new.parent for new in missing}


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return  # folders cannot be opened there
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
    finally:
        os.close(handle)
