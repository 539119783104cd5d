"""`LedgerView`: a ledger that another process writes, read beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from fpframe.spending.account import Account
from fpframe.spending.entries import entries


@attrs.define(eq=False)
class LedgerView:
    """A ledger that another process writes.

    Attributes:
        path: of the file.
    """

    path: Path
    _account: Account = attrs.field(factory=Account)
    _read: int = 0

    @property
    def account(self) -> Account:
        """What was sent so far; as much of it as can be read."""
        try:
            with self.path.open("rb") as file:
                for entry in entries(file, self._read):
                    if self._read:
                        self._account.add(entry.said)
                    else:
                        self._account.about = entry.said["about"]
                    self._read = entry.end
        except (OSError, ValueError, KeyError, TypeError, ArithmeticError):
            pass  # whoever writes it says so; here it is for information only
        return self._account

    @property
    def answered(self) -> int:
        """How many images were answered."""
        return self.account.answered

    @property
    def spending(self) -> str:
        """What was sent and spent so far, in a few words."""
        return self.account.spending

    def evidence(self) -> dict[str, Any]:
        """Return what a third party needs to see which service answered, and when, as JSON-able data."""
        return self.account.evidence()

    def remove(self) -> None:
        """Remove the file, once there is a verdict."""
        self.path.unlink(missing_ok=True)
