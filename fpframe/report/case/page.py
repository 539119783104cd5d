"""A case as one page of HTML, to be read or printed: no network, no script, and the same bytes for the same bundle."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from fpframe.decision import reaches
from fpframe.evidence import CaseEvent, Finding
from fpframe.report.case.timeline import timeline_svg
from fpframe.report.pages import page
from fpframe.verification import Verdict


@attrs.frozen(kw_only=True)
class CaseFile:
    """What is known of a case.

    Attributes:
        name: what the bundle is called.
        kind: ``court`` or ``public``.
        findings: what came of looking at each part.
        events: what happened, in order.
        verdicts: the verdicts that somebody signed.
    """

    name: str
    kind: str
    findings: Sequence[Finding]
    events: Sequence[CaseEvent]
    verdicts: Sequence[Verdict]

    @property
    def holds(self) -> bool:
        """Whether nothing is refused."""
        return all(finding.state != "refused" for finding in self.findings)

    def of_state(self, state: str) -> list[Finding]:
        """Return the parts that something came of."""
        return [finding for finding in self.findings if finding.state == state]


def case_html(case: CaseFile) -> str:
    """Return a page on a case."""
    return page(
        "case.html",
        {"percent": _percent, "changes": what_would_change},
        case=case,
        timeline=timeline_svg(case.events),
    )


def what_would_change(verdict: Verdict) -> str:
    """Return in words by how much a verdict hangs on single models; empty where nothing was counted."""
    counted = {name: each for name, each in verdict.strata.items() if math.isfinite(each.p)}
    if verdict.test != "conformal" or verdict.certify or not counted or verdict.verdict == "INCONCLUSIVE":
        return ""
    name, worst = max(counted.items(), key=lambda item: item[1].p)
    allowed = max((k for k in range(worst.n + 1) if reaches((1 + k) / (worst.n + 1), verdict.alpha)), default=-1)
    if verdict.verdict == "DERIVED":
        more = allowed - worst.at_least + 1
        start = f"Had {more} more of the {worst.n} models of '{name}' scored at least as high"
        return f"{start}, the suspect would not be called derived."
    fewer = worst.at_least - allowed
    if allowed < 0 or fewer <= 0:
        return ""
    start = f"{worst.at_least} of the {worst.n} models of '{name}' score at least as high"
    return f"{start}, and at most {allowed} may where a suspect is called derived."


def _percent(value: float) -> str:
    return f"{value:.0%}" if math.isfinite(value) else "not measured"
