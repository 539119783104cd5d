"""Bytes in a file that is mapped into memory: made once, and shared by all processes by the file's path.

What is mapped is read from the disk when it is looked at, and the system drops it again whenever it needs room.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import mmap
import os
import platform
import weakref
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from fpframe.base import canonical_json, content_key
from fpframe.errors import ResourceError
from fpframe.store.durable import write_durably
from fpframe.store.store import Store
from fpframe.store.temporary import temporary_name

#: The store in which images are kept, where a run says which.
_STORE: ContextVar[Store | None] = ContextVar("store of mapped images", default=None)
#: Linux's flag, which Python names from 3.13 on: pages that could be written count as memory only when they are.
_NO_RESERVE = 0x4000

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


@attrs.frozen(eq=False, slots=False)  # without slots, for what is mapped once
class Mapped:
    """Bytes in a file, as an array; pickled by the path, so that another process maps the same file.

    Attributes:
        path: the file. Nobody changes it.
        shape: what the array is shaped like.
    """

    path: Path
    shape: tuple[int, ...]

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "shape": self.shape}

    @cached_property
    def array(self) -> Bytes:
        """The bytes; whoever writes to them changes a copy of the page, and never the file.

        Raises:
            ResourceError: the file is gone, or of another size.
        """
        size = math.prod(self.shape)
        try:
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_size != size:
                    raise OSError("it has another size")
                return np.frombuffer(_private(file.fileno(), size), np.uint8).reshape(self.shape)
        except OSError as error:
            raise ResourceError(
                f"cannot map images: {error.strerror or error} ({self.path}); run again, which reads them anew"
            ) from error


@contextlib.contextmanager
def mapping_into(store: Store) -> Iterator[None]:
    """Keep bytes that are mapped inside the block in this store, in place of the user's default one."""
    token = _STORE.set(store)
    try:
        yield
    finally:
        _STORE.reset(token)


def mapped_once(identity: Any, shape: tuple[int, ...], fill: Callable[[Bytes], Any]) -> tuple[Mapped, Any]:
    """Return bytes that are kept in the store, and what is known of them; made the first time, and found again.

    They are checked by their digest whenever they are found.

    Args:
        identity: whatever decides the bytes, as plain data.
        shape: of the array; at least one byte.
        fill: writes every element of an array of zeros, and returns what is known of them, as plain data.

    Raises:
        ResourceError: the disk is full or cannot be written.
    """
    key = content_key([identity, list(shape)])
    mapped = Mapped(_folder() / key[:2] / f"{key}.u8", shape)
    known = mapped.path.with_suffix(".json")
    with contextlib.suppress(OSError, ValueError, KeyError):  # absent, or damaged
        facts = json.loads(known.read_text(encoding="utf-8"))
        if facts["digest"] == _digest(mapped.path):
            return mapped, facts["told"]
    told = _write(mapped, fill)
    # last, so that bytes without it are never taken for whole ones
    write_durably(known, canonical_json({"digest": _digest(mapped.path), "told": told}).encode())
    return mapped, told


def mapped_meanwhile(shape: tuple[int, ...], fill: Callable[[Bytes], Any]) -> Mapped:
    """Return bytes in a file that goes with the object: needed for a while only, and never found again.

    Raises:
        ResourceError: the disk is full or cannot be written.
    """
    mapped = Mapped(_folder() / temporary_name(), shape)
    _write(mapped, fill)
    weakref.finalize(mapped, _remove, mapped.path, os.getpid())
    return mapped


def _folder() -> Path:
    return (_STORE.get() or Store.default()).images


def _write(mapped: Mapped, fill: Callable[[Bytes], Any]) -> Any:
    """Write bytes through a map of their file, so that the whole of them is never in memory."""
    temporary = mapped.path.with_name(temporary_name())
    size = math.prod(mapped.shape)
    try:
        mapped.path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("x+b") as file:
            _allocate(file.fileno(), size)
            memory = mmap.mmap(file.fileno(), size)
            told = fill(np.frombuffer(memory, np.uint8).reshape(mapped.shape))
            memory.flush()
        temporary.replace(mapped.path)
    except BaseException as error:
        _remove(temporary, os.getpid())
        if isinstance(error, OSError):
            raise ResourceError(
                f"cannot keep images: {error.strerror or error} ({mapped.path.parent}); free space, or choose another "
                "folder with FPFRAME_HOME"
            ) from error
        raise
    return told


def _allocate(file: int, size: int) -> None:
    """Take the room before it is mapped: a write to a map of a full disk would kill the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.truncate(file, size)


def _private(file: int, size: int) -> mmap.mmap:
    """Return a map that may be written to, which changes no file; no memory is set aside for that."""
    if platform.system() != "Linux":
        return mmap.mmap(file, size, access=mmap.ACCESS_COPY)
    flags = mmap.MAP_PRIVATE | _NO_RESERVE
    return mmap.mmap(file, size, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remove(path: Path, process: int) -> None:
    """Remove a file, in the process that made it: what that forked may go on longer, or shorter."""
    if os.getpid() == process:
        with contextlib.suppress(OSError):
            path.unlink()
