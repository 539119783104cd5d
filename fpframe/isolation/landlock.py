"""No writing, but into one folder: Landlock, which Linux offers to every process since 5.13."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from fpframe.isolation.libc import call

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on all machines
_ASK_VERSION = 1
_BENEATH_PATH = 1

_WRITE_FILE = 1 << 1
#: Remove and make folders, files, devices, sockets, pipes and links.
_REMOVE_AND_MAKE = sum(1 << bit for bit in range(4, 13))
#: Rights by the version that brought them: move between folders, cut off, control devices.
_LATER = ((2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
_ON_FILES = _WRITE_FILE | 1 << 14 | 1 << 15
_TCP = 1 << 0 | 1 << 1
#: Signals to processes outside, and abstract sockets of theirs.
_SCOPES = 1 << 0 | 1 << 1
_TCP_SINCE, _SCOPES_SINCE = 4, 6


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("folder", ctypes.c_int32))


def forbid_writing(allowed: Iterable[Path], *, network: bool) -> bool:
    """Let this process write, make and remove nothing but beneath some paths, and tell whether the system allows that.

    It may also neither signal nor look into processes outside, and open no TCP connections, where Linux is new enough.

    Args:
        allowed: folders and devices.
        network: whether it may open connections.
    """
    try:
        version = call("syscall", _CREATE_RULESET, None, 0, _ASK_VERSION)
        rights = _WRITE_FILE | _REMOVE_AND_MAKE | sum(right for since, right in _LATER if version >= since)
        wanted = _Ruleset(
            rights,
            _TCP if version >= _TCP_SINCE and not network else 0,
            _SCOPES if version >= _SCOPES_SINCE else 0,
        )
        known = 8 if version < _TCP_SINCE else 16 if version < _SCOPES_SINCE else 24
        rules = call("syscall", _CREATE_RULESET, ctypes.byref(wanted), ctypes.c_size_t(known), 0)
    except OSError:
        return False
    try:
        for path in allowed:
            _allow(rules, path, rights)
        call("syscall", _RESTRICT_SELF, rules, 0)
    except OSError:
        return False
    finally:
        os.close(rules)
    return True


def _allow(rules: int, path: Path, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there need not be allowed
    try:
        beneath = _Beneath(rights if path.is_dir() else rights & _ON_FILES, place)
        call("syscall", _ADD_RULE, rules, _BENEATH_PATH, ctypes.byref(beneath), 0)
    finally:
        os.close(place)
