"""`lock`: one run at a time on one file."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import BinaryIO

from fpframe.errors import UsageError

#: Seconds in which a run that was killed is gone.
_GONE_SECONDS = 3.0


def lock(file: BinaryIO, path: Path) -> None:
    """Keep other runs from a file until it is closed, or this process ends, however it does.

    Raises:
        UsageError: another run has it.
    """
    if sys.platform == "win32":
        return
    import fcntl

    until = time.monotonic() + _GONE_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if time.monotonic() > until:
                raise UsageError(
                    f"another run asks the same service the same questions at this moment ({path}); wait for it"
                ) from error
            time.sleep(0.05)
