"""``fpframe check``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpframe.cli.options import Flag, Json
from fpframe.cli.streams import say

if TYPE_CHECKING:
    from fpframe.evidence import Finding, Trust

#: Something does not hold.
_REFUSED_EXIT = 5


def check(
    bundle: Path,
    /,
    *,
    authority: Path | None = None,
    claimant: Path | None = None,
    auditor: Path | None = None,
    holder: Path | None = None,
    report: Path | None = None,
    force: Flag = False,
    json_: Json = False,
) -> int:
    """Check a bundle: signatures, dates, digests and verdicts. It needs no network, no victim and no data.

    Args:
        bundle: Folder that 'fpframe bundle' wrote.
        authority: Root certificates (PEM) of the time-stamping authorities that you trust.
        claimant: The claimant's public key (PEM), which you have from somewhere else.
        auditor: The public key (PEM) of whoever asked the suspect.
        holder: The public key (PEM) of the suspect's holder, whose own calibration is in the bundle.
        report: File for the case as one page (.html): verdicts, timeline, and what was found. Print it for a PDF.
        force: Overwrite an existing report.
        json_: Print exactly one JSON object.
    """
    import json

    from fpframe.evidence import Trust, check_members, read_authorities, read_bundle, read_public_key
    from fpframe.store import refuse_file

    if report is not None:
        refuse_file(report, force=force)
    trust = Trust(
        authorities=() if authority is None else tuple(read_authorities(authority)),
        claimant=None if claimant is None else read_public_key(claimant),
        auditor=None if auditor is None else read_public_key(auditor),
        holder=None if holder is None else read_public_key(holder),
    )
    members, kind = read_bundle(bundle)
    findings = check_members(members, kind, trust)
    if report is not None:
        _write_report(report, bundle.name, kind, members, findings, trust)
    refused = any(finding.state == "refused" for finding in findings)
    if json_:
        say(json.dumps({"holds": not refused, "findings": [finding.to_dict() for finding in findings]}, indent=2))
    else:
        width = max(len(finding.part) for finding in findings)
        for finding in findings:
            code = f" [{finding.code}]" if finding.code else ""
            say(f"{finding.part:<{width}}  {finding.state:<11}  {finding.text}{code}")
    return _REFUSED_EXIT if refused else 0


def _write_report(
    path: Path, name: str, kind: str, members: Mapping[str, bytes], findings: Sequence[Finding], trust: Trust
) -> None:
    import contextlib

    from fpframe.evidence import ATTESTATION_FILE, Attestation, EvidenceError, events_of
    from fpframe.report import CaseFile, case_html
    from fpframe.store import write_durably

    verdicts: Sequence[Any] = ()
    with contextlib.suppress(EvidenceError, KeyError):  # what is wrong with it is among the findings
        verdicts = Attestation.read(members[ATTESTATION_FILE], key=trust.auditor).verdicts
    events = events_of(members, trust.authorities)
    case = CaseFile(name=name, kind=kind, findings=findings, events=events, verdicts=verdicts)
    write_durably(path, case_html(case).encode())
