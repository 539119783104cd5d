"""`EvidenceError`: evidence that does not hold, with a code that says in which way."""

from __future__ import annotations

from collections.abc import Mapping

from fpframe.errors import IntegrityError

#: By code, why evidence is refused, in order.
REFUSALS: Mapping[str, str] = {
    "answers-differ": "A file of answers is not the one that was signed.",
    "attempt-not-logged": "The log of a case does not say that this enrolment was made.",
    "attempts-spent": "All enrolments that the commitment allows were made.",
    "authority-unknown": "No time-stamping authority that the reader trusts signed a token.",
    "beacon-differs": "Two attempts of one case were made with different public randomness.",
    "beacon-too-early": "The public randomness may have been known when the commitment was made.",
    "chosen-afterwards": "Test, channel or filter were chosen when the suspect was known; marked, and not refused.",
    "commitment-differs": "What was committed to does not give the root that was signed.",
    "commitment-of-another-case": "An enrolment was made under another commitment, or under none.",
    "committed-otherwise": "An enrolment is not, or would not be, the one that was committed to.",
    "component-foreign": "Something was made by a component that does not ship with fpframe; marked, and not refused.",
    "envelope-damaged": "A file is not a signed envelope as fpframe writes it.",
    "key-unknown": "An envelope is signed by another key than the one that was asked for.",
    "log-damaged": "The log of a case was changed.",
    "member-damaged": "A file of a case or a bundle cannot be read.",
    "member-missing": "A file of a case or a bundle is missing.",
    "member-unknown": "A bundle has a file that does not belong in it.",
    "queries-differ": "The queries are not those that were sealed, or others are shown than follow from the statement.",
    "seal-after-first-query": "An enrolment was sealed after the suspect had been asked.",
    "seal-before-beacon": "An enrolment was sealed before its seeds could be known.",
    "signature-missing": "An envelope has no signature.",
    "signature-wrong": "A signature does not fit what it should be of.",
    "statement-damaged": "What was signed is not a statement as fpframe writes it.",
    "statement-of-another-kind": "A statement says another kind of thing than is needed here.",
    "subject-differs": "A statement is about something else than what lies beside it.",
    "suspect-older": "The suspects were published before anything was committed to; marked, and not refused.",
    "token-after-first-query": "A time-stamp token is of a later time than the first query to the suspect.",
    "token-damaged": "A file is not a time-stamp token.",
    "token-of-another-subject": "A time-stamp token is about another digest.",
    "verdict-differs": "A verdict does not follow from the answers.",
}


class EvidenceError(IntegrityError):
    """Evidence that does not hold.

    Attributes:
        code: why, as a key of `REFUSALS`.
        reason: the same for a person, without the code.
    """

    def __init__(self, code: str, reason: str) -> None:
        if code not in REFUSALS:
            raise KeyError(code)
        super().__init__(f"{reason} [{code}]")
        self.code, self.reason = code, reason
