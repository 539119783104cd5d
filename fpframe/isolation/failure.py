"""`Failure`: how a suspect may fail, as data that crosses the border between processes."""

from __future__ import annotations

from typing import Literal, NoReturn

import attrs

from fpframe import errors
from fpframe.errors import FpframeError, ModelError, ResourceError, ran_out_of_memory

#: A suspect's process ended; it took longer than it may; it was not opened, for a reason that is told; or it failed
#: on what it was asked, and may answer other questions.
Outcome = Literal["died", "hung", "refused", "raised"]

#: Letters that are kept of a message from another process, for a stranger may have written it.
_LONGEST = 2000


class DeadSuspectError(ResourceError):
    """The process of a suspect ended while it was opened or asked."""


class HungSuspectError(ResourceError):
    """A suspect took longer than it may."""


@attrs.frozen
class Failure:
    """How a suspect failed.

    Attributes:
        outcome: in which of four ways.
        text: what is to be said of it; only its first line is shown.
        kind: name of the error of `fpframe.errors` that it is, where it was refused or raised.
        cause: what was raised, where that was in this process.
    """

    outcome: Outcome
    text: str
    kind: str = ModelError.__name__
    cause: BaseException | None = attrs.field(default=None, eq=False, repr=False)

    @classmethod
    def of(cls, error: BaseException, outcome: Outcome, *, address: str) -> Failure:
        """Return the failure that an exception is; one that ends a process is a death, whatever else it would be."""
        if isinstance(error, FpframeError):
            kind = next(each.__name__ for each in type(error).__mro__ if vars(errors).get(each.__name__) is each)
            return cls(outcome, str(error), kind, cause=error)
        if isinstance(error, SystemExit):
            text = f"the suspect ended its process with code {error.code or 0} ({address}); no verdict is possible"
            return cls("died", text, cause=error)
        if ran_out_of_memory(error):
            text = f"the suspect needs more memory than there is, or than it may use ({address}); raise --memory"
            return cls(outcome, text, ResourceError.__name__, cause=error)
        what = "cannot be opened" if outcome == "refused" else "failed"
        reason = str(error).strip() or type(error).__name__
        return cls(outcome, f"the suspect {what}: {reason} ({address}); fix it, or whatever opens it", cause=error)

    def throw(self) -> NoReturn:
        """Raise what the caller is to see, with the exit code of the outcome."""
        if isinstance(self.cause, FpframeError):
            raise self.cause
        lines = self.text.splitlines() or [self.outcome]
        text = "".join(letter if letter.isprintable() else " " for letter in lines[0])[:_LONGEST]
        raise self._error(text) from self.cause

    def _error(self, text: str) -> FpframeError:
        if self.outcome == "died":
            return DeadSuspectError(text)
        if self.outcome == "hung":
            return HungSuspectError(text)
        kind = vars(errors).get(self.kind)
        return kind(text) if isinstance(kind, type) and issubclass(kind, FpframeError) else ModelError(text)
