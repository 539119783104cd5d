"""``fpframe check``."""

from __future__ import annotations

from pathlib import Path

from fpframe.cli.options import Json
from fpframe.cli.streams import say

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
    json_: Json = False,
) -> int:
    """Check a bundle: signatures, dates, digests and verdicts. It needs no network, no victim and no data.

    Args:
        bundle: Folder that 'fpframe bundle' wrote.
        authority: Root certificates (PEM) of the time-stamping authorities that you trust.
        claimant: The claimant's public key (PEM), which you have from somewhere else.
        auditor: The public key (PEM) of whoever asked the suspect.
        holder: The public key (PEM) of the suspect's holder, whose own calibration is in the bundle.
        json_: Print exactly one JSON object.
    """
    import json

    from fpframe.evidence import Trust, check_bundle, read_authorities, read_public_key

    trust = Trust(
        authorities=() if authority is None else tuple(read_authorities(authority)),
        claimant=None if claimant is None else read_public_key(claimant),
        auditor=None if auditor is None else read_public_key(auditor),
        holder=None if holder is None else read_public_key(holder),
    )
    findings = check_bundle(bundle, trust)
    refused = any(finding.state == "refused" for finding in findings)
    if json_:
        say(json.dumps({"holds": not refused, "findings": [finding.to_dict() for finding in findings]}, indent=2))
    else:
        width = max(len(finding.part) for finding in findings)
        for finding in findings:
            code = f" [{finding.code}]" if finding.code else ""
            say(f"{finding.part:<{width}}  {finding.state:<11}  {finding.text}{code}")
    return _REFUSED_EXIT if refused else 0
