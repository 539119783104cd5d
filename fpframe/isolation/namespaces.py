"""A world of its own for a suspect: its network has no connection, and it sees no processes but its own."""

from __future__ import annotations

import os
from pathlib import Path

from fpframe.isolation.libc import call

_NEW_IPC, _NEW_USER, _NEW_PROCESSES, _NEW_NETWORK = 0x08000000, 0x10000000, 0x20000000, 0x40000000


def enter_namespaces(*, network: bool) -> bool:
    """Put whatever this process forks from now on into a world of its own, and tell whether the system allows that.

    The first process that is forked then is the first one of that world: with it all others there end.

    Args:
        network: whether that world keeps the network of this one.
    """
    user, group = os.geteuid(), os.getegid()
    wanted = _NEW_USER | _NEW_PROCESSES | _NEW_IPC | (0 if network else _NEW_NETWORK)
    try:
        call("unshare", wanted)
        # files belong to whom they belonged to before
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    except OSError:
        return False
    return True
