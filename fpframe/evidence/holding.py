"""`judge_by_holder`: what attested answers are worth against models that the holder of the suspect chose."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from fpframe.base import read_time
from fpframe.enrolment import Enrolment
from fpframe.errors import FpframeError
from fpframe.evidence.attestation import Attestation
from fpframe.evidence.finding import Finding
from fpframe.evidence.judged_again import judged_by
from fpframe.evidence.keys import PublicKey
from fpframe.evidence.refusal import EvidenceError
from fpframe.evidence.seal import ENROLMENT, Seal
from fpframe.evidence.shown_enrolment import ShownEnrolment
from fpframe.verification import Verdict

PART = "holder's p"
#: Caveats on the holder's models that the reader of the bundle has to know.
_FLAGS = ("calibration-near-victim", "calibration-near-suspect")
#: How the files begin that decide what is asked, and how answers are scored.
_QUESTIONS = ("encoder-", "perturbations.", "queries.", "victim-answers.")


def require_sealed(shown: ShownEnrolment, seal: Seal) -> None:
    """Make sure that an enrolment in a bundle is the one that was sealed.

    Raises:
        EvidenceError: it is another one.
    """
    seal.statement.require_subject(ENROLMENT, shown.digest)
    if hashlib.sha256(shown.files.get("manifest.json", b"")).hexdigest() != seal.manifest:
        raise EvidenceError("subject-differs", "the manifest of the enrolment is not the one that was sealed")


def require_same_questions(shown: ShownEnrolment, claimants: ShownEnrolment) -> None:
    """Make sure that the holder calibrated the claimant's queries and encoders, and no others.

    Raises:
        EvidenceError: names a file that differs.
    """
    told, wanted = (_questions(each) for each in (shown, claimants))
    for name in sorted(told.keys() | wanted.keys()):
        if told.get(name) != wanted.get(name):
            raise EvidenceError("subject-differs", f"the holder's enrolment has another '{name}' than the claimant's")


def _questions(shown: ShownEnrolment) -> dict[str, str]:
    return {name: digest for name, digest in shown.manifest.members.items() if name.startswith(_QUESTIONS)}


def judge_by_holder(
    enrolment: Enrolment, seal: Seal, vouched: PublicKey | None, attestation: Attestation, answers: Sequence[bytes]
) -> Iterator[Finding]:
    """Yield for each attested verdict what the holder's models say of the same answers.

    Args:
        enrolment: the claimant's queries and encoders, calibrated on the holder's models.
        seal: the holder's seal of it.
        vouched: the holder's key, where the reader knows it.
        attestation: the attested verdicts.
        answers: the files of answers behind them.
    """
    try:
        found = judged_by(enrolment, attestation, answers)
    except (FpframeError, KeyError) as error:
        yield Finding(part=PART, state="not checked", text=f"it cannot be computed: {type(error).__name__}: {error}")
        return
    whose = "the holder's key" if vouched else "a key that nobody vouched for"
    stamp = seal.stamped()
    late = (read_time(seal.at) if stamp is None else stamp.at) > attestation.started
    sealed = f"sealed by {whose} {'after' if late else 'before'} the first query"
    for number, verdict in enumerate(found, start=1):
        text = f"verdict {number} would be {verdict.verdict} (p {verdict.p_value:g}) by {_models(enrolment)}, {sealed}"
        flags = _flags(verdict)
        if flags:
            yield Finding(part=PART, state="marked", text=f"{text}; {flags[0][1]}", code=flags[0][0])
        else:
            yield Finding(part=PART, state="good", text=text)


def _models(enrolment: Enrolment) -> str:
    calibration = enrolment.calibration
    counts = ", ".join(f"{stratum}: {len(rows)}" for stratum, rows in calibration.rows.items())
    return f"{len(calibration.models)} calibration models ({counts}; {calibration.source})"


def _flags(verdict: Verdict) -> list[tuple[str, str]]:
    return [(note.code, note.text) for note in verdict.caveats if note.code in _FLAGS]
