"""Numbers and tables as text, as all reports write them."""

from __future__ import annotations

import math
from collections.abc import Sequence


def number(value: float, digits: int = 3) -> str:
    """Return a number for a table; a dash when there is none."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def p_text(value: float) -> str:
    """Return a p-value with three significant digits; a dash when there is none."""
    return f"{value:.3g}" if math.isfinite(value) else "-"


def count_text(hits: int, n: int, interval: tuple[float, float]) -> str:
    """Return a rate as counts with its interval."""
    return f"{hits} / {n} [{interval[0]:.2f}, {interval[1]:.2f}]"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines with aligned columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
