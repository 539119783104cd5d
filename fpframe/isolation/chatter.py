"""What suspects print goes to standard error, line by line, without what a terminal would obey."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import Self

from fpframe.base import printable

#: Bytes of what suspects print that are shown; the rest is read and dropped.
_SHOWN = 1 << 16
_CHUNK = 1 << 16
#: Letters that are shown at most of whose lines they are.
_LONGEST = 60


class Chatter:
    """A pipe whose content is shown on standard error.

    Args:
        whose: whose lines they are, which is written before each.

    Attributes:
        descriptor: the end to write to, for the processes that are started in a ``with`` block of this.
        last: the last line that was shown, for a process that ends before it can say why.
    """

    def __init__(self, whose: str = "") -> None:
        self._reading, self.descriptor = os.pipe()
        self._prefix = f"{_shortened(whose)}: " if whose else ""
        self.last = ""
        self._thread = threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> Self:
        """Start whoever writes inside of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Begin to show."""
        os.close(self.descriptor)
        self._thread.start()

    @property
    def silent(self) -> bool:
        """Whether everything is shown, and nothing more can come."""
        return not self._thread.is_alive()

    def finish(self, seconds: float = 2.0) -> None:
        """Wait until everything is shown, once the processes that write have ended."""
        self._thread.join(seconds)

    def _show(self) -> None:
        left, rest = _SHOWN, b""
        while chunk := os.read(self._reading, _CHUNK):
            *lines, rest = (rest + chunk).split(b"\n") if left > 0 else [b""]
            if len(rest) > _CHUNK:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._line(line[:left] if left > 0 else b"")
                left -= len(line) + 1
        self._line(rest)
        os.close(self._reading)

    def _line(self, line: bytes) -> None:
        text = "".join(letter if letter.isprintable() else " " for letter in line.decode(errors="replace")).rstrip()
        if text:
            self.last = text
            with contextlib.suppress(OSError, ValueError, AttributeError):  # where nobody hears it any more
                print(f"{self._prefix}{text}", file=sys.stderr)


def _shortened(whose: str) -> str:
    """Return the last letters of an address, which tell suspects apart; others tell where they lie."""
    shown = printable(" ".join(whose.split()))
    return shown if len(shown) <= _LONGEST else f"...{shown[-_LONGEST:]}"
