"""Rows that are shares of a total: probabilities of 1, percentages of 100, bytes of 255 or 256."""

from __future__ import annotations

import torch
from torch import Tensor

#: How far a share may lie outside its range by rounding errors, and a sum from its total, as parts of the total.
SLACK = 1e-3
SUM_SLACK = 1e-2
#: The steps that shares in bytes come in.
BYTES = (255, 256)
#: How much of the total may be lost where small shares are rounded to nothing.
_LOST = 0.5


def step_of(rows: Tensor, total: float = 1.0) -> float:
    """Return the step that shares ``(N, K)`` are rounded to: 0.1, 0.01, 0.001 or bytes of 1, or 1 for whole numbers.

    It is 0 where they are not rounded, or so finely that it does not matter.
    """
    if total > 100:
        return 1.0
    first = 1 if total == 1 else 0
    for decimals in range(first, 4):
        if bool(((rows - rows.round(decimals=decimals)).abs() < 1e-6 * total).all()):
            return float(10.0**-decimals)
    parts = [steps for steps in BYTES if total == 1 and is_whole((rows * steps * 1e3).round() / 1e3)]
    return 1 / parts[0] if parts else 0.0


def out_of_range(numbers: Tensor, total: float = 1.0) -> Tensor:
    """Return booleans: which numbers can be no shares of a total, even with rounding errors."""
    return (numbers < -SLACK * total) | (numbers > (1 + SLACK) * total)


def share_rows(rows: Tensor, total: float = 1.0, *, step: float | None = None) -> Tensor:
    """Return ``(N,)`` booleans: which rows ``(N, K)`` are shares of a total, as finely as they are rounded.

    Rounding adds at most half a step to a share that is not zero, and takes at most half a step from any, or a whole
    step where all are rounded down.
    """
    step = step_of(rows, total) if step is None else step
    inside = ((rows >= -SLACK * total) & (rows <= (1 + SLACK) * total)).all(1)  # what is not a number is not
    above = rows.sum(1) - total
    most = torch.clamp((rows != 0).sum(1) * step / 2, min=SUM_SLACK * total)
    lost = rows.shape[1] * step / (1 if step <= 0.01 * total else 2)  # what is finely rounded may be rounded down
    least = min(max(lost, SUM_SLACK * total), _LOST * total)
    return inside & (above <= most * (1 + 1e-6)) & (above >= -least * (1 + 1e-6))


def are_shares(rows: Tensor, total: float = 1.0) -> bool:
    """Tell whether all rows ``(N, K)`` are shares of a total."""
    return bool(share_rows(rows, total).all())


def top_count(rows: Tensor) -> int:
    """Return to how many entries rows ``(N, K)`` are cut down, the others being zero; 0 where they are not.

    Nearly all rows of the highest k entries have exactly k that are not zero, which those of rounded answers, or of
    answers so small that they vanish, do not.
    """
    counts = (rows != 0).sum(1)
    most = int(counts.max()) if len(rows) else 0
    if not 0 < most < rows.shape[1] or bool((rows < 0).any()):
        return 0
    return most if float((counts == most).double().mean()) >= 0.9 else 0


def is_whole(rows: Tensor) -> bool:
    """Tell whether all numbers are whole."""
    return bool((rows == rows.round()).all())


def is_one_hot(rows: Tensor) -> bool:
    """Tell whether each row has a single one among zeros."""
    return bool((((rows == 0) | (rows == 1)).all(1) & ((rows == 1).sum(1) == 1)).all())
