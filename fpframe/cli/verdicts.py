"""What ``fpframe verify`` leaves behind: answers, a report, and what it prints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fpframe.cli.streams import complain, say

if TYPE_CHECKING:
    from datetime import datetime

    from fpframe.cli.verify import AnswerOptions
    from fpframe.enrolment import Enrolment
    from fpframe.evidence import PrivateKey
    from fpframe.isolation import Journal
    from fpframe.spending import LedgerView
    from fpframe.verification import Unfinished, Verdict

INCONCLUSIVE_EXIT = 7


def save_transcripts(outcomes: Sequence[Verdict | Unfinished], files: Sequence[Path], *, force: bool) -> None:
    """Write what each suspect answered, whatever came of it."""
    for file, outcome in zip(files, outcomes, strict=True) if files else ():
        assert outcome.transcript is not None
        outcome.transcript.save(file, force=force)


def write_report(outcomes: Sequence[Verdict | Unfinished], enrolment: Enrolment, path: Path) -> None:
    """Write the report on the verdicts; suspects without one are not in it."""
    from fpframe.report import verdict_html
    from fpframe.store import write_durably

    write_durably(path, verdict_html(_verdicts(outcomes), enrolment).encode())


def write_attestation(
    outcomes: Sequence[Verdict | Unfinished],
    enrolment: Enrolment,
    *,
    alpha: float,
    started: datetime,
    key: PrivateKey,
    keeping: AnswerOptions,
) -> None:
    """Write a signed statement on the verdicts; where there are none there is nothing to sign."""
    from fpframe.base import now
    from fpframe.evidence import attest

    if _verdicts(outcomes) and keeping.attest is not None:
        times = (started, now())
        attest(outcomes, enrolment, key=key, alpha=alpha, times=times, out=keeping.attest, released=keeping.released)


def print_outcomes(
    outcomes: Sequence[Verdict | Unfinished], enrolment: Enrolment, *, alpha: float, as_json: bool
) -> int:
    """Print what was shown of each suspect, say which failed, and return the exit code."""
    from fpframe.decision import INCONCLUSIVE
    from fpframe.report import verdicts_text
    from fpframe.verification import gravest, unfinished_of

    verdicts, failed = _verdicts(outcomes), unfinished_of(outcomes)
    if as_json:
        told = {
            "alpha": alpha,
            "enrolment": enrolment.to_dict(),
            "suspects": [verdict.to_dict() for verdict in verdicts],
            "unfinished": [_told(each) for each in failed],
        }
        say(json.dumps(told, indent=2, allow_nan=False))
    elif verdicts:
        say(verdicts_text(verdicts))
    for each in failed:
        complain(f"error: {each.error}{_kept(each)}")
    if failed:
        return gravest(failed)
    return INCONCLUSIVE_EXIT if all(verdict.verdict == INCONCLUSIVE for verdict in verdicts) else 0


def forget_journals(outcomes: Sequence[Verdict | Unfinished], journals: Sequence[Journal | LedgerView]) -> None:
    """Remove the journals of suspects on which there is a verdict, once it was said; others can still go on.

    Args:
        outcomes: what came of each suspect.
        journals: those of the first of them, the suspects that were asked.
    """
    from fpframe.verification import Verdict

    for outcome, journal in zip(outcomes, journals, strict=False):
        if isinstance(outcome, Verdict) and outcome.reason_code != "stopped-answering":
            journal.remove()


def _verdicts(outcomes: Sequence[Verdict | Unfinished]) -> list[Verdict]:
    from fpframe.verification import Verdict

    return [each for each in outcomes if isinstance(each, Verdict)]


def _told(each: Unfinished) -> dict[str, object]:
    return {
        "address": each.address,
        "error": str(each.error),
        "exit_code": each.error.exit_code,
        "answered": len(each.transcript.answers) if each.journal is None else each.journal.answered,
        "journal": str(each.journal.path) if each.journal is not None and each.journal.answered else None,
    }


def _kept(each: Unfinished) -> str:
    if each.journal is None or not each.journal.answered:
        return ""
    count = each.journal.answered
    return f"; the answers to {count} images are kept: run the same command with --resume to go on from there"
