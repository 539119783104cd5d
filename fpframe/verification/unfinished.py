"""`Unfinished`: a suspect that failed while it was questioned; what it answered, and other verdicts, are not lost."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from fpframe.base import Note
from fpframe.decision import Decision, undecided
from fpframe.errors import FpframeError
from fpframe.isolation import Journal
from fpframe.spending import LedgerView
from fpframe.verification.transcript import Transcript
from fpframe.verification.verdict import Verdict

#: Exit codes by gravity: evidence that was changed, a fault, a model or data that cannot be used, a service that
#: did not answer, something that ran out, wrong usage. Of several failures the gravest is told.
_GRAVITY = (5, 70, 1, 3, 4, 6, 2)


@attrs.frozen(kw_only=True, eq=False)
class Unfinished:
    """A suspect of which there is no verdict.

    Attributes:
        address: what it was called by.
        error: how it failed.
        journal: in which its answers are kept, so that the questioning can go on; ``None`` where none are.
        transcript: what it had answered by then.
    """

    address: str
    error: FpframeError
    journal: Journal | LedgerView | None
    transcript: Transcript

    def decide(self, level: float) -> Decision:
        """Return what it counts as where several suspects share alpha: one that is not called derived."""
        return undecided(Note("stopped-answering", str(self.error)), {}, alpha=level, views=0)


class UnfinishedError(FpframeError):
    """Some of several suspects failed while they were questioned.

    Attributes:
        outcomes: a verdict or an `Unfinished` for each suspect, in the order in which they were named.
    """

    def __init__(self, outcomes: Sequence[Verdict | Unfinished]) -> None:
        self.outcomes = tuple(outcomes)
        failed = unfinished_of(outcomes)
        super().__init__(
            f"{len(failed)} of {len(outcomes)} suspects failed while they were questioned: {failed[0].error}"
        )
        self.exit_code = gravest(failed)  # type: ignore[misc]  # that of the errors that it stands for


def unfinished_of(outcomes: Sequence[Verdict | Unfinished]) -> list[Unfinished]:
    """Return those that failed."""
    return [each for each in outcomes if isinstance(each, Unfinished)]


def gravest(failed: Sequence[Unfinished]) -> int:
    """Return the exit code of the gravest failure."""
    codes = {each.error.exit_code for each in failed}
    return next((code for code in _GRAVITY if code in codes), max(codes))


def require_finished(outcomes: Sequence[Verdict | Unfinished]) -> list[Verdict]:
    """Return the verdicts.

    Raises:
        FpframeError: the only suspect failed.
        UnfinishedError: one of several did; it has the verdicts on the others.
    """
    failed = unfinished_of(outcomes)
    if failed and len(outcomes) == 1:
        raise failed[0].error
    if failed:
        raise UnfinishedError(outcomes)
    return [each for each in outcomes if isinstance(each, Verdict)]
