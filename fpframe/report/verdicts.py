"""Verdicts as plain text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fpframe.verification import Verdict


def number(value: float, digits: int = 3) -> str:
    """Return a number for a table; a dash when there is none."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def p_text(value: float) -> str:
    """Return a p-value with three significant digits; a dash when there is none."""
    return f"{value:.3g}" if math.isfinite(value) else "-"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines with aligned columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def verdicts_text(verdicts: Sequence[Verdict]) -> str:
    """Return what was shown of each suspect, its strata, and what all of it rests on."""
    lines: list[str] = []
    for verdict in verdicts:
        lines += [f"{verdict.suspect['address']}: {verdict.verdict}", f"  {verdict.sentence}"]
        rows = [["stratum", "p", "n", "at least as high", "margin (sd)"]]
        for name, result in verdict.decision.strata.items():
            rows.append([name, p_text(result.p), str(result.n), str(result.at_least), number(result.margin, 1)])
        low, high = verdict.decision.interval
        lines.append(
            f"  score {number(verdict.score)} [{number(low)}, {number(high)}], p {p_text(verdict.p_value)}, "
            f"alpha {verdict.decision.alpha:g}, {verdict.queries} queries, channel {verdict.channel}"
        )
        lines += [f"  {line}" for line in columns(rows)]
        lines.append("")
    # those that several suspects share are said once
    lines += [f"- {caveat}" for caveat in dict.fromkeys(caveat for verdict in verdicts for caveat in verdict.caveats)]
    return "\n".join(lines)
