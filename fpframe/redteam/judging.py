"""Tricks with verdicts and answers; in some of them whoever asked helps the owner, and signs anything."""

from __future__ import annotations

from typing import Any

from fpframe.evidence import Envelope
from fpframe.redteam.attempt import Said
from fpframe.redteam.stage import ATTESTATION, Stage, suspect
from fpframe.verification import verify


def raise_level(stage: Stage) -> Said:
    """Hold the suspect to a level of 0.9, with the help of whoever asked."""
    return stage.checked(stage.members(stage.parts(attested=stage.attested(alpha=0.9))))


def choose_test(stage: Stage) -> Said:
    """Take the other test when the first one does not accuse."""
    other = "conformal" if stage.committed.terms.test == "sequential" else "sequential"
    return _judged_otherwise(stage, test=other)


def choose_channel(stage: Stage) -> Said:
    """Take another channel when the first one does not accuse."""
    return _judged_otherwise(stage, channel="auto" if stage.committed.terms.channel == "top1" else "top1")


def _judged_otherwise(stage: Stage, **options: Any) -> Said:
    verdict = verify(stage.enrolment, suspect(stage.enrolment, 0), **options)
    return stage.checked(stage.members(stage.parts(attested=stage.attested(verdict))))


def replay_answers(stage: Stage) -> Said:
    """Show the answers of another suspect, under the statement on this one."""
    return stage.checked(stage.members(answers=_answers_of_other(stage)))


def replay_answers_with_help(stage: Stage) -> Said:
    """Have the answers of another suspect signed as this one's."""
    first, second = stage.verdicts
    told = [{**second.to_dict(), "suspect": dict(first.suspect)}]
    parts = stage.parts(attested=stage.attested(second))
    return stage.checked(stage.members(parts, attestation=stage.attested_anew(second, verdicts=told)))


def rewrite_verdict(stage: Stage) -> Said:
    """Write another p-value into what was signed."""
    members = stage.members()
    envelope, forged = (Envelope.parse(content) for content in (members[ATTESTATION], _forged(stage)))
    kept = Envelope(payload_type=envelope.payload_type, payload=forged.payload, signatures=envelope.signatures)
    return stage.checked(stage.members(attestation=kept.to_bytes()))


def rewrite_verdict_with_help(stage: Stage) -> Said:
    """Have another p-value signed by whoever asked."""
    return stage.checked(stage.members(attestation=_forged(stage)))


def _forged(stage: Stage) -> bytes:
    told = stage.verdicts[0].to_dict()
    return stage.attested_anew(verdicts=[{**told, "score": 0.999}])


def _answers_of_other(stage: Stage) -> bytes:
    return (stage.attested(stage.verdicts[1]) / "answers-1.npz").read_bytes()
