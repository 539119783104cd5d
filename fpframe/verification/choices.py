"""What was settled at the enrolment, and what was chosen afterwards, when the suspect was known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from fpframe.base import Note
from fpframe.enrolment import Enrolment, Terms
from fpframe.verification.asking import Asking

#: When something was settled.
Choice = Literal["enrolled", "chosen"]
ENROLLED: Choice = "enrolled"
CHOSEN: Choice = "chosen"


def choices_of(asking: Asking, alpha: float, enrolment: Enrolment) -> dict[str, Choice]:
    """Return for level, test, channel, filter and classes whether they are as enrolled.

    An enrolment has a level, and says what was committed to. All else that one without a commitment settles is that
    nothing is chosen: models are counted, channel and filter are read from the suspect's answers, and its classes are
    the victim's, or those that its own files name.
    """
    committed = enrolment.commitment
    terms = Terms(beacon="", alpha=enrolment.recipe.alpha) if committed is None else committed.terms
    as_enrolled = {
        "alpha": alpha == enrolment.recipe.alpha,
        "test": (asking.test, asking.certify) == (terms.test, terms.certify),
        "channel": asking.channel == terms.channel,
        "through": asking.through == terms.through,
        "classes": asking.classes.as_enrolled,
    }
    return {name: ENROLLED if same else CHOSEN for name, same in as_enrolled.items()}


def chosen_afterwards(choices: Mapping[str, Choice]) -> Iterator[Note]:
    """Yield what the reader of a verdict should know of choices that were made when the suspect was known."""
    chosen = [_CALLED[name] for name, choice in choices.items() if choice == CHOSEN]
    if chosen:
        listed = " and ".join([", ".join(chosen[:-1]), chosen[-1]] if len(chosen) > 1 else chosen)
        were = "were" if len(chosen) > 1 else "was"
        yield Note("chosen-afterwards", f"The {listed} {were} chosen after the enrolment.")


_CALLED = {"alpha": "level", "test": "test", "channel": "channel", "through": "filter", "classes": "map of classes"}
