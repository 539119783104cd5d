"""Names of temporary files that say who writes them, so that what a killed process left can be told from work."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import re
import secrets
import sys
import time
from pathlib import Path

#: What every temporary file's name begins with.
PREFIX = ".tmp-"

#: After how many seconds without a write a file is given up whose writer cannot be asked after.
GIVEN_UP_SECONDS = 24 * 3600.0

_NAME = re.compile(r"\.tmp-(?P<pid>\d{1,9})-(?P<started>\d+)-[0-9a-f]+-(?P<machine>.+)")


def temporary_name() -> str:
    """Return a fresh file name that holds this process's id, its start time and its machine."""
    pid = os.getpid()
    return f"{PREFIX}{pid}-{_started(pid) or 0}-{secrets.token_hex(8)}-{machine()}"


def is_abandoned(path: Path) -> bool:
    """Tell whether nobody writes a temporary file any more.

    The writer is looked up where it ran on this machine. A file of another machine, or with a name of another make,
    counts as abandoned when it was not written to for a day.

    Raises:
        FileNotFoundError: the file is gone.
    """
    modified = path.stat().st_mtime
    known = _NAME.fullmatch(path.name)
    if known and known["machine"] == machine() and sys.platform != "win32":
        return not _alive(int(known["pid"]), int(known["started"]))
    return time.time() - modified > GIVEN_UP_SECONDS


@functools.cache
def machine() -> str:
    """Return the host name and a digest of where process ids of this process mean the same.

    Host names are not unique, and containers of one host may share its name: the digest is over the boot and the
    process-id namespace, where the system tells them.
    """
    host = re.sub(r"[^A-Za-z0-9.]", "_", platform.node())[:64]
    scope = _read("/proc/sys/kernel/random/boot_id")
    with contextlib.suppress(OSError):  # not Linux: the host name alone
        scope += str(Path("/proc/self/ns/pid").readlink())
    return f"{host}-{hashlib.sha256(scope.encode()).hexdigest()[:8]}"


def _alive(pid: int, started: int) -> bool:
    """Tell whether the process that had this id at that start time still runs; in doubt it does."""
    if sys.platform == "win32":
        return True  # os.kill would end it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it runs, for another user
    now = _started(pid)
    return now is None or not started or now == started


def _started(pid: int) -> int | None:
    """Return a process's start in clock ticks since boot, 0 for one that has ended, ``None`` where it is not told."""
    # the name in the second field may hold spaces and brackets
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if len(fields) < 20:
        return None
    state, ticks = fields[0], fields[19]
    # a zombie keeps its id until its parent looks, but writes no more
    return 0 if state in "ZX" else int(ticks)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
