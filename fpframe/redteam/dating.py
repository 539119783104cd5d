"""Tricks with dates: seals and tokens that are late, of nobody, or of something else."""

from __future__ import annotations

import datetime

import attrs

from fpframe.evidence import read_authorities
from fpframe.redteam.attempt import Said
from fpframe.redteam.authority import Authority
from fpframe.redteam.stage import SECOND, Stage

_DAY = datetime.timedelta(days=1)


def stamp_late(stage: Stage) -> Said:
    """Ask the suspect, and have the enrolment stamped then."""
    asked = stage.committed.beacon.earliest + SECOND
    return stage.checked(stage.members(stage.parts(attested=stage.attested(started=asked))))


def seal_late(stage: Stage) -> Said:
    """Ask the suspect, and seal the enrolment then, without an authority."""
    parts = stage.parts(attested=stage.attested(started=stage.committed.beacon.earliest + SECOND))
    seal = stage.seal(parts.enrolment, parts.case.log, token=b"")
    return stage.checked(stage.members(attrs.evolve(parts, seal=seal)))


def back_date_seal(stage: Stage) -> Said:
    """Write a time into the seal at which its seeds were not known."""
    parts = stage.parts()
    early = stage.committed.beacon.earliest - _DAY
    seal = stage.seal(parts.enrolment, parts.case.log, token=b"", at=early)
    return stage.checked(stage.members(attrs.evolve(parts, seal=seal)))


def back_date_between(stage: Stage) -> Said:
    """Seal after the suspect was asked, and write the time just after the beacon; no authority says anything."""
    asked = stage.committed.beacon.earliest + 2 * SECOND
    parts = stage.parts(attested=stage.attested(started=asked))
    seal = stage.seal(parts.enrolment, parts.case.log, token=b"", at=asked - SECOND)
    return stage.checked(stage.members(attrs.evolve(parts, seal=seal)))


def found_authority(stage: Stage) -> Said:
    """Have an authority of one's own say when the enrolment was there."""
    own = Authority.make(stage.folder / "own-authority")
    assert own is not None
    parts = stage.parts()
    seal = stage.seal(parts.enrolment, parts.case.log, token=own.stamp(stage.enrolment.digest))
    assert stage.authority is not None
    trusted = attrs.evolve(stage.trust, authorities=tuple(read_authorities(stage.authority.root)))
    return stage.checked(stage.members(attrs.evolve(parts, seal=seal)), trusted)


def borrow_token(stage: Stage) -> Said:
    """Show the token of something else that was there early enough."""
    assert stage.authority is not None
    parts = stage.parts()
    seal = stage.seal(parts.enrolment, parts.case.log, token=stage.authority.stamp("ab" * 32))
    return stage.checked(stage.members(attrs.evolve(parts, seal=seal)))


def claim_older_model(stage: Stage) -> Said:
    """Claim against a model that was published before anything was committed to."""
    day = (stage.committed_at - _DAY).date().isoformat()
    return stage.checked(stage.members(stage.parts(attested=stage.attested(released=day))))
