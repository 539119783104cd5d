"""Calls of the operating system that Python does not offer. Linux only."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any

_SET_DEATH_SIGNAL, _SET_NO_NEW_PRIVILEGES = 1, 38


@cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: Any) -> int:
    """Call a function of the C library that returns a negative number where it fails.

    Raises:
        OSError: it fails.
    """
    result = int(getattr(_libc(), name)(*arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def prctl(option: int, *arguments: Any) -> None:
    """Change something about this process.

    Raises:
        OSError: that is not possible.
    """
    wide = [ctypes.c_ulong(each) if isinstance(each, int) else each for each in arguments]
    call("prctl", ctypes.c_int(option), *wide, *[ctypes.c_ulong(0)] * (4 - len(wide)))


def end_with_parent(parent: int, signal: int) -> None:
    """Let this process get a signal when the process that forked it is gone, also where that was just now."""
    prctl(_SET_DEATH_SIGNAL, signal)
    if os.getppid() != parent:
        os._exit(1)


def gain_no_privileges() -> None:
    """Let no program that is started from here have more rights than this process.

    Raises:
        OSError: that is not possible.
    """
    prctl(_SET_NO_NEW_PRIVILEGES, 1)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def drop_capabilities() -> None:
    """Give up what a namespace of its own lets this process do.

    Raises:
        OSError: that is not possible.
    """
    none = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, in two halves
    call("capset", ctypes.byref(_CapabilityHeader(0x20080522, 0)), none)
