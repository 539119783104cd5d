"""How much memory there is, and how much a suspect uses."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from pathlib import Path

import attrs

_CGROUP = Path("/sys/fs/cgroup/memory.max")
#: There where a CUDA or ROCm driver is loaded. Such a driver maps far more addresses than there is memory.
_GPU_DEVICES = ("/dev/nvidiactl", "/dev/kfd")


#: Seconds between two looks at what a suspect uses.
_LOOK_SECONDS = 0.25


class TooLargeError(Exception):
    """A suspect uses more memory than it may."""


@attrs.define
class Gauge:
    """Tells when processes use more memory than they may, as their own limit may not hold.

    Attributes:
        root: the first of them; those that descend from it count too.
        most: bytes that they may use on top of what they used at first; ``None`` for any.
    """

    root: int
    most: int | None
    _at_first: int | None = None
    _looked: float = 0.0

    def begin(self) -> None:
        """Take what they use now as what they used at first."""
        self._at_first = resident_bytes(self.root)

    def look(self) -> None:
        """Look, unless that was done just now.

        Raises:
            TooLargeError: they use too much.
        """
        if self.most is None or self._at_first is None or time.monotonic() < self._looked + _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        if resident_bytes(self.root) > self._at_first + self.most:
            raise TooLargeError


def machine_memory() -> int:
    """Return the bytes of memory that this machine has, or that it gives to this container."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(total, int(_CGROUP.read_text()))
    except (OSError, ValueError):
        return total


def maps_freely(device: str) -> bool:
    """Tell whether a process may map more addresses than it ever uses, so that only what it uses can be limited."""
    return device.partition(":")[0] != "cpu" or any(Path(path).exists() for path in _GPU_DEVICES)


def mapped_bytes() -> int:
    """Return the bytes of addresses that this process has mapped."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def resident_bytes(root: int) -> int:
    """Return the bytes of memory that a process and all that descend from it use."""
    children, used = defaultdict(list), {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # the name of a program may hold anything, and ends at the last bracket
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        pid = int(entry.name)
        children[int(fields[1])].append(pid)
        used[pid] = int(fields[21])
    found, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        found += used.get(pid, 0)
        waiting += children[pid]
    return found * os.sysconf("SC_PAGE_SIZE")
