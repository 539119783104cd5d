"""What is said of a suspect, in whole sentences that claim no more than was shown."""

from __future__ import annotations

from collections.abc import Iterable

from fpframe.base import IN_SENTENCE, UNFIT, Note
from fpframe.decision import DERIVED, Decision


def sentence_of(decision: Decision, caveats: Iterable[Note] = ()) -> str:
    """Return what a decision shows, and under which assumption, for the reader of a report.

    Args:
        decision: the decision.
        caveats: what it rests on; that an enrolment is unfit, and was accepted so, belongs to the sentence, and so do
            those of `IN_SENTENCE`.
    """
    notes = list(caveats)
    accepted = [_accepted(note) for note in notes if note.code in UNFIT]
    return " ".join([_said(decision), *accepted, *(note.text for note in notes if note.code in IN_SENTENCE)])


def _accepted(note: Note) -> str:
    return f"But the enrolment is not fit to accuse anybody, and was accepted all the same ({note.code}): {note.text}"


def _said(decision: Decision) -> str:
    if decision.reason is not None:
        return f"No verdict. {decision.reason.text}"
    if decision.test.startswith("welch"):
        return _comparison(decision)
    said = f"{_conclusion(decision)}: {_count(decision)}"
    if decision.stopped:
        said += f" Asking stopped after {decision.views} view{'s' if decision.views > 1 else ''}."
    if decision.verdict == DERIVED:
        said += " This assumes that an independent suspect would be of one of the calibrated kinds."
    return said


def _conclusion(decision: Decision) -> str:
    if decision.verdict == DERIVED:
        sure = ", with 95 % confidence in the calibration" if decision.certify else ""
        return f"Shown to be derived at level {decision.alpha:g}{sure}"
    return "Not shown to be derived, which is not a proof of innocence"


def _count(decision: Decision) -> str:
    # where strata tie, the one that the suspect stands out from least
    worst, result = max(
        decision.strata.items(), key=lambda item: (item[1].evidence(certify=decision.certify), -item[1].margin)
    )
    shared = f" of {result.families} families" if result.families < result.n else ""
    sure = f", with 95 % confidence a chance of at most {result.bound:.3g}" if decision.certify else ""
    over = " at any look" if decision.test == "sequential" else ""
    less = f" or {'is' if result.at_least == 1 else 'are'} clearly less able" if result.less_able else ""
    return (
        f"among {result.n} independent models of kind '{worst}'{shared}, {result.at_least} scored at least as "
        f"high{over}{less} (p = {decision.p_value:.3g}{sure})."
    )


def _comparison(decision: Decision) -> str:
    called = "would be" if decision.verdict == DERIVED else "would not be"
    return (
        f"No verdict, but a comparison: by the t-test of the literature the suspect {called} called derived at level "
        f"{decision.alpha:g} (p = {decision.p_value:.3g}). That test treats the views of one model as independent "
        "samples, and accuses independent models far more often than it claims."
    )
