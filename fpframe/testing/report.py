"""What came out of checks, as lines for a terminal and as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from fpframe.testing.results import CheckResult, Outcome

_MARKS: dict[Outcome, str] = {"passed": "ok", "failed": "FAILED", "expected failure": "expected", "skipped": "skipped"}


def report_lines(label: str, results: Sequence[CheckResult]) -> list[str]:
    """Return a report on one component: a line for each check, what is wrong under those that failed, and a sum.

    Args:
        label: what was checked.
        results: how each check came out.
    """
    lines = [label]
    for result in results:
        lines.append(f"  {_MARKS[result.outcome]:8}  {result.check.summary}")
        if result.text:
            lines.append(f"            {result.check.name}: {result.text}")
    counts = Counter(result.outcome for result in results)
    told = [
        f"{counts[outcome]} {outcome if counts[outcome] == 1 else _plural(outcome)}"
        for outcome in _MARKS
        if counts[outcome]
    ]
    return [*lines, f"  {', '.join(told)}"]


def report_data(results: Sequence[CheckResult]) -> list[dict[str, Any]]:
    """Return the same as plain data."""
    return [
        {"check": each.check.name, "promise": each.check.summary, "outcome": each.outcome, "text": each.text}
        for each in results
    ]


def _plural(outcome: str) -> str:
    return "expected failures" if outcome == "expected failure" else outcome
