"""`remove_scratch`: remove a folder that a suspect could fill as it liked."""

from __future__ import annotations

import contextlib
import os
import stat
from itertools import count
from pathlib import Path

_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC if os.name == "posix" else 0
#: How often it is begun anew, as what is being ended may still write.
_TRIES = 3


def remove_scratch(folder: str | Path) -> None:
    """Remove a folder and all that is in it, however deep it nests and whoever may read it; links are not followed.

    Whatever cannot be removed stays, and nothing is raised.
    """
    for _ in range(_TRIES):
        with contextlib.suppress(OSError):
            root = _opened(str(folder), None)
            try:
                _empty(root)
            finally:
                os.close(root)
        with contextlib.suppress(OSError):
            Path(folder).rmdir()
        if not os.path.lexists(folder):
            return


def _empty(root: int) -> None:
    """Remove what is in an open folder.

    A folder in a folder is moved up before it is emptied: so nothing is deep, and no path is too long.
    """
    numbers = count()
    for name in _names(root):
        if not _is_folder(name, root):
            os.unlink(name, dir_fd=root)
            continue
        waiting = [name]
        while waiting:
            outer = waiting.pop()
            place = _opened(outer, root)
            try:
                for inner in _names(place):
                    if _is_folder(inner, place):
                        os.close(_opened(inner, place))  # to move a folder, one has to be able to write to it
                        waiting.append(_move_up(inner, place, root, numbers))
                    else:
                        os.unlink(inner, dir_fd=place)
            finally:
                os.close(place)
            os.rmdir(outer, dir_fd=root)


def _opened(name: str, beside: int | None) -> int:
    """Open a folder that its owner may have closed to everybody."""
    handle = os.open(name, _FOLDER | os.O_PATH, dir_fd=beside)
    try:
        # by its handle: under its name there may be a link to elsewhere by now
        Path(f"/proc/self/fd/{handle}").chmod(0o700)
    finally:
        os.close(handle)
    return os.open(name, _FOLDER | os.O_RDONLY, dir_fd=beside)


def _names(folder: int) -> list[str]:
    return os.listdir(folder)


def _is_folder(name: str, beside: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=beside, follow_symlinks=False).st_mode)


def _move_up(name: str, beside: int, root: int, numbers: count[int]) -> str:
    for number in numbers:
        new = f".{number}"
        try:
            os.stat(new, dir_fd=root, follow_symlinks=False)
        except FileNotFoundError:
            os.rename(name, new, src_dir_fd=beside, dst_dir_fd=root)
            return new
    raise AssertionError
