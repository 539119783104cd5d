"""``fpframe bundle``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import attrs
from cyclopts import Group, Parameter

from fpframe.cli.options import Flag
from fpframe.cli.streams import say


@Parameter(name="*", group=Group("Further parts", sort_key=1))
@attrs.frozen(kw_only=True)
class FurtherOptions:
    """Seals that lie elsewhere, what the holder of the suspect adds, and single queries.

    Attributes:
        seal: The enrolment's seal; ENROLMENT.seal by default.
        commitment_seal: Seal of the commitment, where there is one.
        holder: The enrolment as the holder has calibrated it, with 'fpframe calibrate --independents'.
        holder_seal: The holder's seal of that; HOLDER.seal by default.
        open_: How many of the queries a public bundle shows, once the suspect was asked; the others stay secret.
    """

    seal: Path | None = None
    commitment_seal: Path | None = None
    holder: Path | None = None
    holder_seal: Path | None = None
    open_: Annotated[int, Parameter(name="--open")] = 0

    def seal_of_holder(self) -> Path | None:
        """Return the file of the holder's seal, where there is one."""
        return self.holder_seal or (None if self.holder is None else _beside(self.holder))


def _beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.seal")


def bundle(
    *,
    commitment: Path,
    enrolment: Path,
    key: Path,
    out: Path,
    attest: Path | None = None,
    public: Flag = False,
    force: Flag = False,
    further: FurtherOptions = FurtherOptions(),
) -> None:
    """Put everything into one folder that somebody needs who checks a case. What does not hold is refused.

    Args:
        commitment: Case that 'fpframe commit' wrote.
        enrolment: Enrolment that was made under it.
        key: Private key (PEM) of the claimant, or of whoever asked the suspect, which signs the list of members.
        out: Folder for the bundle.
        attest: Folder that 'fpframe verify --attest' wrote; without it the bundle is of a claim before the suspect was
            asked.
        public: Only digests, dates and signed statements: no queries, answers or encoders, and of the leaves only the
            terms.
        force: Overwrite an existing bundle.
        further: Seals that lie elsewhere, what the holder of the suspect adds, and single queries.
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
        seal=further.seal or _beside(enrolment),
        commitment_seal=further.commitment_seal,
        attested=attest,
        holder=further.holder,
        holder_seal=further.seal_of_holder(),
    )
    members = with_list(bundle_members(parts, kind, opened=further.open_), kind, secret)
    for finding in check_members(members, kind, Trust()):
        if finding.state == "refused":
            raise EvidenceError(finding.code, finding.text)
    write_bundle(members, kind, out, force=force)
    say(f"{out}: {kind} bundle of {len(members)} members; anybody can check it with 'fpframe check {out}'")
