"""`read_file`: the bytes of a file that somebody else may have made, through one descriptor and with an end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

#: Bytes that are read of a text, such as a recipe or a list of classes, at most.
MOST_OF_TEXT = 16 * 2**20
#: Bytes that are read of anything else at most, where nothing says how large it may be.
MOST_OF_DATA = 8 * 2**30

_CHUNK = 2**20
#: A pipe does not wait for a writer, and nothing is inherited by a child; Windows knows neither.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def read_file(path: str | Path, *, most: int = MOST_OF_DATA, follow: bool = True) -> bytes:
    """Return the bytes of a regular file.

    It is opened once: what is looked at is what is read, whatever is put under its name meanwhile.

    Args:
        path: the file.
        most: bytes that it may have.
        follow: whether it may be a link to a file.

    Raises:
        OSError: it cannot be read, is not a regular file, or is larger than `most`; see `why_unread`.
    """
    try:
        descriptor = os.open(path, _FLAGS | (0 if follow else getattr(os, "O_NOFOLLOW", 0)))
    except OSError as error:
        # what systems say of a link that is not followed, and of a socket
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO):
            raise _irregular(path) from error
        raise
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise _irregular(path)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        content = bytearray()
        # it may grow while it is read, and its size may be a lie, as of files of the system
        while found.st_size <= most and len(content) <= most:
            piece = file.read(min(_CHUNK, most + 1 - len(content)))
            if not piece:
                return bytes(content)
            content += piece
    raise OSError(errno.EFBIG, f"it is larger than {_size(most)}", str(path))


def why_unread(error: OSError | ValueError) -> str:
    """Return why a file could not be read, in words that go into a message."""
    if isinstance(error, PermissionError):
        return "it may not be read by this user"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def mistaken_for(content: bytes) -> str:
    """Return what a file is that people often take for the one that they want; empty where it is nothing of the kind.

    Args:
        content: its first bytes, a few hundred at least.
    """
    start = content[:512].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"version https://git-lfs.github.com/spec/"):
        return "it is a Git LFS pointer and not the file itself; fetch that with 'git lfs pull'"
    if start[:15].lower().startswith((b"<!doctype html", b"<html")):
        return "it is an HTML page, such as a failed download; get the file itself"
    return ""


def _irregular(path: str | Path) -> OSError:
    return OSError(errno.EINVAL, "it is a link, a folder or a device, not a regular file", str(path))


def _size(count: int) -> str:
    return f"{count // 2**20} MiB" if count >= 2**20 else f"{count} bytes"
