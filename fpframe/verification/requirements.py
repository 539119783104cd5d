"""What a verdict needs of an enrolment. One of an earlier format opens without it, and then there is no verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fpframe.base import Note
from fpframe.decision import Test
from fpframe.enrolment import Enrolment

#: Looks at an enrolment, and says what it lacks for a test.
Requirement = Callable[[Enrolment, Test], Note | None]


def standards(enrolment: Enrolment, test: Test) -> Note | None:
    """Look for an enrolment that cannot tell when to stop early."""
    if test != "sequential" or not set(enrolment.encoders) - set(enrolment.standards):
        return None
    return Note(
        "enrolment-lacks-standards",
        "The enrolment does not say how the scores of independent models vary from view to view, which an early stop "
        "needs. Ask all views (leave out --sequential), or enroll again.",
    )


#: In the order in which they are told.
REQUIREMENTS: Sequence[Requirement] = (standards,)


def lacking(enrolment: Enrolment, test: Test) -> Note | None:
    """Return the first thing that a verdict by a test needs and an enrolment lacks."""
    return next(filter(None, (requirement(enrolment, test) for requirement in REQUIREMENTS)), None)
