"""What suspects print goes to standard error, line by line, without what a terminal would obey."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

#: Bytes of what suspects print that are shown; the rest is read and dropped.
_SHOWN = 1 << 16
_CHUNK = 1 << 16


class Chatter:
    """A pipe whose content is shown on standard error.

    Attributes:
        descriptor: the end to write to, for the processes that are started; close it here by `started`.
        last: the last line that was shown, for a process that ends before it can say why.
    """

    def __init__(self) -> None:
        self._reading, self.descriptor = os.pipe()
        self.last = ""
        self._thread = threading.Thread(target=self._show, daemon=True)

    def started(self) -> None:
        """Begin to show; whoever writes has been started."""
        os.close(self.descriptor)
        self._thread.start()

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
                print(text, file=sys.stderr)
