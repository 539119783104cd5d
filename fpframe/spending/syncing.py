"""`Syncer`: bring a file to the disk beside whoever writes it."""

from __future__ import annotations

import os
import threading

#: Seconds between two times that the disk is waited for: it takes all that was written by then at once.
_BETWEEN_SECONDS = 0.1


class Syncer:
    """Bring what was written to an open file to the disk, in a thread of its own, and close the file in the end.

    Args:
        number: of the file.

    Attributes:
        error: why the disk did not take it; ``None`` as long as it does.
    """

    def __init__(self, number: int) -> None:
        self.error: OSError | None = None
        self._number = number
        self._due = threading.Event()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def soon(self) -> None:
        """Begin to bring what was written so far to the disk, and do not wait for it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="fpframe-sync", daemon=True)
            self._thread.start()
        self._due.set()

    def close(self) -> None:
        """Bring to the disk what is left, and close the file."""
        self._over.set()
        self._due.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        os.close(self._number)

    def _run(self) -> None:
        while not self._over.is_set():
            self._due.wait()
            self._over.wait(_BETWEEN_SECONDS)
            self._due.clear()
            try:
                os.fsync(self._number)
            except OSError as error:
                self.error = error
                return
