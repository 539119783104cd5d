"""`events_of`: what happened in a case, when, and who says so."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

from fpframe.base import read_time, write_time
from fpframe.enrolment import Beacon
from fpframe.errors import UsageError
from fpframe.evidence.attestation import ATTESTATION_FILE, Attestation
from fpframe.evidence.bundle import COMMITMENT_SEAL_FILE, SEAL_FILE
from fpframe.evidence.case import COMMITMENT_KIND, ENVELOPE_FILE
from fpframe.evidence.refusal import EvidenceError
from fpframe.evidence.seal import Seal
from fpframe.evidence.statement import read_statement

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

#: Who says when something happened.
CLAIMANT, AUTHORITY, STRANGER, AUDITOR, BEACON = (
    "the claimant's own clock",
    "an authority that the reader trusts",
    "a token of an authority that nobody named",
    "whoever asked the suspect",
    "the commitment, and whoever publishes the randomness",
)


@attrs.frozen(kw_only=True)
class CaseEvent:
    """Something that happened in a case.

    Attributes:
        at: when, in UTC.
        what: what happened, for a person.
        by: who says so.
        shown: whether somebody else than the claimant says so.
    """

    at: datetime.datetime
    what: str
    by: str
    shown: bool

    @property
    def time(self) -> str:
        """When it happened, as text."""
        return write_time(self.at)


def events_of(members: Mapping[str, bytes], authorities: Sequence[Certificate] = ()) -> list[CaseEvent]:
    """Return what the members of a bundle say of when things happened, in order; what is damaged says nothing.

    Args:
        members: the members.
        authorities: root certificates of the authorities that the reader trusts.
    """
    found: list[CaseEvent] = []
    for events in (_committed, _sealed, _asked):
        with contextlib.suppress(EvidenceError, ValueError, KeyError, TypeError, UsageError):
            found += events(members, authorities)
    return sorted(found, key=lambda event: event.at)


def _committed(members: Mapping[str, bytes], authorities: Sequence[Certificate]) -> Iterator[CaseEvent]:
    said = read_statement(members[ENVELOPE_FILE], kind=COMMITMENT_KIND).predicate
    yield CaseEvent(at=read_time(said["at"]), what="The claimant committed.", by=CLAIMANT, shown=False)
    earliest = Beacon(said["beacon"], "00" * 16).earliest
    yield CaseEvent(at=earliest, what="The public randomness could be known.", by=BEACON, shown=True)
    if COMMITMENT_SEAL_FILE in members:
        yield from _stamped(members[COMMITMENT_SEAL_FILE], "The commitment", authorities)


def _sealed(members: Mapping[str, bytes], authorities: Sequence[Certificate]) -> Iterator[CaseEvent]:
    seal = Seal.read(members[SEAL_FILE])
    yield CaseEvent(at=read_time(seal.at), what="The claimant sealed the enrolment.", by=CLAIMANT, shown=False)
    yield from _stamped(members[SEAL_FILE], "The enrolment", authorities)


def _stamped(content: bytes, what: str, authorities: Sequence[Certificate]) -> Iterator[CaseEvent]:
    token = Seal.read(content).stamped(authorities)
    if token is not None:
        by = AUTHORITY if token.authority else STRANGER
        yield CaseEvent(at=token.at, what=f"{what} was there, unchanged.", by=by, shown=token.authority)


def _asked(members: Mapping[str, bytes], _authorities: Sequence[Certificate]) -> Iterator[CaseEvent]:
    if ATTESTATION_FILE not in members:
        return
    told = Attestation.read(members[ATTESTATION_FILE])
    yield CaseEvent(at=told.started, what="The first suspect was opened.", by=AUDITOR, shown=True)
    yield CaseEvent(at=told.finished, what="The last answer was in.", by=AUDITOR, shown=True)
    if told.released:
        day = datetime.datetime.fromisoformat(f"{told.released}T00:00:00+00:00")
        yield CaseEvent(at=day, what="The suspects were published.", by=AUDITOR, shown=True)
