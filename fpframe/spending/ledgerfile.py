"""`LedgerFile`: the file of a ledger, which one run has at a time."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from fpframe.errors import ResourceError, UsageError
from fpframe.spending.account import Account
from fpframe.spending.entries import FORMAT, Entry, entries, written
from fpframe.spending.locking import lock
from fpframe.spending.syncing import Syncer


class LedgerFile:
    """The file of a ledger, open for this run alone.

    Attributes:
        path: where it is.
    """

    def __init__(self, path: Path) -> None:
        """Open or make it.

        Raises:
            UsageError: another run has it.
            ResourceError: it cannot be made.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unwritable(error) from error
        self._syncer = Syncer(number)
        #: Lets others have the file; called when the ledger is let go, too.
        self.close = weakref.finalize(self, self._syncer.close)
        self._file: BinaryIO = os.fdopen(number, "r+b", buffering=0, closefd=False)
        try:
            lock(self._file, path)
        except BaseException:
            self.close()
            raise

    def begin(self, about: dict[str, Any]) -> Iterator[Entry]:
        """Yield the entries of earlier runs; in the end what was cut off is dropped, and more can be added.

        One of something else that holds no answer is begun anew: whoever mends a description has nothing to lose in it.

        Raises:
            UsageError: it is damaged, or has answers of something else than `about`.
        """
        end = 0
        try:
            for entry in entries(self._file):
                if end:
                    yield entry
                elif entry.said != {"format": FORMAT, "about": about}:
                    self._refuse_answers(entry.end)
                    break
                end = entry.end
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            raise damaged(error, self.path) from error
        self._file.truncate(end)
        self._file.seek(end)
        if not end:
            self.add({"format": FORMAT, "about": about})

    def add(self, said: dict[str, Any], body: bytes = b"", *, sync: bool = False) -> None:
        """Add an entry.

        Args:
            said: what it says.
            body: bytes of an answer.
            sync: whether it is on the disk when this returns, and with it all that came before; otherwise it is soon.

        Raises:
            ResourceError: it cannot be written; nothing more can be then.
        """
        left = memoryview(written(said, body))
        try:
            if self._syncer.error is not None:
                raise self._syncer.error
            if not self.close.alive:
                raise ValueError("an earlier entry could not be written")
            while left:
                left = left[self._file.write(left) :]
            if sync:
                os.fsync(self._file.fileno())
            else:
                self._syncer.soon()
        except (OSError, ValueError) as error:
            self.close()  # what came after half an entry could not be read
            raise self._unwritable(error) from error

    def read(self, start: int, length: int) -> bytes:
        """Return bytes of an answer."""
        return os.pread(self._file.fileno(), length, start)

    def _refuse_answers(self, start: int) -> None:
        account = Account()
        for entry in entries(self._file, start):
            account.add(entry.said)
        if account.answered:
            raise UsageError(
                f"an earlier run was answered {account.answered} images by another service, by another description of "
                f"this one, or to other questions ({self.path}); use what was used then with --resume, or remove the "
                "file to ask everything anew"
            )

    def _unwritable(self, error: Exception) -> ResourceError:
        why = error.strerror if isinstance(error, OSError) else str(error)
        return ResourceError(
            f"what is sent cannot be written down: {why} ({self.path}); free space, or set FPFRAME_HOME to another "
            "folder"
        )


def damaged(error: Exception, path: Path) -> UsageError:
    """Return the error that a ledger cannot be read."""
    return UsageError(f"the ledger is damaged: {error} ({path}); remove the file to ask everything anew")
