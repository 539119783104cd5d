"""`boot_id`: which start of this machine it is, to know whether what was written to a file can have been lost."""

from __future__ import annotations

from pathlib import Path


def boot_id() -> str:
    """Return what no other start of a machine has; empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
