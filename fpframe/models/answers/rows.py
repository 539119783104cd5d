"""Rows of numbers: those that show something, and how they are described."""

from __future__ import annotations

from torch import Tensor

from fpframe.models.answers.shapes import plain

#: Rows that are looked at; more would tell no more.
MOST = 2000


def distinct(answers: Tensor) -> Tensor:
    """Return the different rows of ``(N, K)`` that show something, as doubles.

    Rows that are not finite show nothing, and neither do rows that hold one number only.
    """
    rows = answers[:MOST].double()
    rows = rows[rows.isfinite().all(1)]
    rows = rows[rows.amax(1) > rows.amin(1)] if rows.shape[1] and len(rows) else rows[:0]
    different: Tensor = rows.unique(dim=0) if len(rows) else rows
    return different


def extent(rows: Tensor) -> str:
    """Return between which values rows ``(N, K)`` lie, and what they sum to, in words."""
    if not rows.numel():
        return "no row shows anything"
    sums = rows.sum(1)
    least, most = plain(float(sums.min())), plain(float(sums.max()))
    summed = f"sum to {least}" if least == most else f"sum to between {least} and {most}"
    return f"values from {plain(float(rows.min()))} to {plain(float(rows.max()))}, rows that {summed}"
