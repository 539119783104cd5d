"""Tricks with signatures, and with the list of members."""

from __future__ import annotations

import attrs

from fpframe.evidence import ATTESTATION_KIND, Envelope, Subject, read_statement, sign
from fpframe.redteam.attempt import Said
from fpframe.redteam.stage import ATTESTATION, SEAL, Stage


def strip_signature(stage: Stage) -> Said:
    """Write what was attested, without the signature."""
    envelope = Envelope.parse(stage.members()[ATTESTATION])
    return stage.checked(stage.members(attestation=attrs.evolve(envelope, signatures=()).to_bytes()))


def borrow_signature(stage: Stage) -> Said:
    """Put the signature of another statement under what was attested."""
    members = stage.members()
    other = Envelope.parse(members[SEAL]).signatures
    envelope = attrs.evolve(Envelope.parse(members[ATTESTATION]), signatures=other)
    return stage.checked(stage.members(attestation=envelope.to_bytes()))


def attest_oneself(stage: Stage) -> Said:
    """Sign the verdict with a key that belongs to nobody who asked."""
    statement = read_statement(stage.members()[ATTESTATION], kind=ATTESTATION_KIND)
    return stage.checked(stage.members(attestation=sign(statement, stage.stranger).to_bytes()))


def swap_subject(stage: Stage) -> Said:
    """Have a verdict signed that is about another enrolment, and show it beside this one."""
    statement = read_statement(stage.members()[ATTESTATION], kind=ATTESTATION_KIND)
    other = "ab" * 32
    verdicts = [{**each, "enrolment": other} for each in statement.predicate["verdicts"]]
    subjects = (Subject("enrolment", other), *statement.subjects[1:])
    said = attrs.evolve(statement, subjects=subjects, predicate={**statement.predicate, "verdicts": verdicts})
    return stage.checked(stage.members(attestation=sign(said, stage.auditor).to_bytes()))


def leave_out_member(stage: Stage) -> Said:
    """Take out of a listed bundle what speaks against the claim."""
    members = stage.members()
    del members[ATTESTATION], members["answers-1.npz"]
    return stage.checked(members)
