"""``fpframe bundle``."""

from __future__ import annotations

from pathlib import Path

from fpframe.cli.options import Flag
from fpframe.cli.streams import say


def bundle(
    *,
    commitment: Path,
    enrolment: Path,
    key: Path,
    out: Path,
    seal: Path | None = None,
    commitment_seal: Path | None = None,
    attest: Path | None = None,
    public: Flag = False,
    force: Flag = False,
) -> None:
    """Put everything into one folder that somebody needs who checks a case. What does not hold is refused.

    Args:
        commitment: Case that 'fpframe commit' wrote.
        enrolment: Enrolment that was made under it.
        key: Private key (PEM) of the claimant, or of whoever asked the suspect, which signs the list of members.
        out: Folder for the bundle.
        seal: Its seal; ENROLMENT.seal by default.
        commitment_seal: Seal of the commitment, where there is one.
        attest: Folder that 'fpframe verify --attest' wrote; without it the bundle is of a claim before the suspect was
            asked.
        public: Only digests, dates and signed statements: no queries, answers or encoders, and of the leaves only the
            terms.
        force: Overwrite an existing bundle.
    """
    from fpframe.evidence import (
        COURT,
        PUBLIC,
        Case,
        EvidenceError,
        Parts,
        Trust,
        bundle_members,
        check_members,
        read_private_key,
        with_list,
        write_bundle,
    )

    secret = read_private_key(key)
    kind = PUBLIC if public else COURT
    parts = Parts(
        case=Case.open(commitment),
        enrolment=enrolment,
        seal=enrolment.with_name(f"{enrolment.name}.seal") if seal is None else seal,
        commitment_seal=commitment_seal,
        attested=attest,
    )
    members = with_list(bundle_members(parts, kind), kind, secret)
    for finding in check_members(members, kind, Trust()):
        if finding.state == "refused":
            raise EvidenceError(finding.code, finding.text)
    write_bundle(members, kind, out, force=force)
    say(f"{out}: {kind} bundle of {len(members)} members; anybody can check it with 'fpframe check {out}'")
