"""A world of its own for a suspect: no connections, no processes but its own, and a folder that is full some time."""

from __future__ import annotations

import os
from pathlib import Path

import attrs

from fpframe.isolation.libc import call

_NEW_MOUNTS, _NEW_IPC, _NEW_USER = 0x00020000, 0x08000000, 0x10000000
_NEW_PROCESSES, _NEW_NETWORK = 0x20000000, 0x40000000
_NO_SET_USER, _NO_DEVICES = 2, 4
#: Files and folders that a suspect may have in its folder.
_MOST_FILES = 1 << 16


@attrs.frozen(kw_only=True)
class World:
    """What of a world of its own the system gave to a suspect.

    Attributes:
        own: whether it has its own processes and users, and its own network where it is to have none.
        folder_ends: whether its folder holds no more than it may; also where nothing was said of that.
    """

    own: bool
    folder_ends: bool


def enter_namespaces(*, network: bool, folder: str, most: int | None) -> World:
    """Put whatever this process forks from now on into a world of its own, as far as the system allows that.

    The first process that is forked then is the first one of that world: with it all others there end.

    Args:
        network: whether that world keeps the network of this one.
        folder: a folder that is empty there, lies in memory, and is gone with that world.
        most: bytes that the folder may hold; ``None`` leaves it as it is.
    """
    wanted = _NEW_USER | _NEW_PROCESSES | _NEW_IPC | (0 if network else _NEW_NETWORK)
    limited = most is not None and _entered(wanted | _NEW_MOUNTS)
    if not limited and not _entered(wanted):
        return World(own=False, folder_ends=most is None)
    return World(own=True, folder_ends=most is None or (limited and _limit(folder, most)))


def _entered(wanted: int) -> bool:
    user, group = os.geteuid(), os.getegid()
    try:
        call("unshare", wanted)
        # files belong to whom they belonged to before
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    except OSError:
        return False
    return True


def _limit(folder: str, most: int) -> bool:
    told = f"size={most},nr_inodes={_MOST_FILES},mode=700".encode()
    try:
        call("mount", b"suspect", os.fsencode(folder), b"tmpfs", _NO_SET_USER | _NO_DEVICES, told)
    except OSError:
        return False
    return True
