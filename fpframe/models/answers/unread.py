"""`UnreadError`: why an answer cannot be read, before it is known whose it is."""

from __future__ import annotations

from fpframe.errors import KindChangedError, ModelError


class UnreadError(Exception):
    """An answer that cannot be read.

    Attributes:
        what: what the model does, in words.
        remedy: what to do about it.
        changed: whether it answered in another kind before.
    """

    def __init__(self, what: str, remedy: str, *, changed: bool = False) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what, self.remedy, self.changed = what, remedy, changed

    def at(self, address: str) -> ModelError:
        """Return the error that says it of a model with an address."""
        kind = KindChangedError if self.changed else ModelError
        return kind(f"{self.what} ({address or 'suspect'}); {self.remedy}")
