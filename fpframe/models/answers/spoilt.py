"""Numbers that were probabilities or logits once: scaled, or cut off. What was done cannot be undone by guessing."""

from __future__ import annotations

import torch
from torch import Tensor

from fpframe.models.answers.findings import Misfit
from fpframe.models.answers.shapes import plain

#: Different rows from which on something that all of them share is no accident.
SEVERAL = 4
#: The share of rows that reach the highest number, or of numbers that are the lowest, if they were cut off there.
_ROWS, _NUMBERS = 0.05, 0.02


def constant_sum(rows: Tensor) -> Misfit | None:
    """Look for rows ``(N, K)`` of positive numbers that all sum to the same."""
    sums, classes = rows.sum(1), rows.shape[1]
    mean = float(sums.mean())
    if len(rows) < 2 or bool((rows < -1e-3 * mean).any()) or mean <= 0:
        return None
    if not bool(((sums - mean).abs() <= 1e-2 * mean).all()):
        return None
    if float(rows.max()) <= 1.001 and abs(mean - (classes - 1)) < 1e-2 * mean:
        return _misfit(
            f"values from 0 to 1 whose rows all sum to {classes - 1}: one minus the probabilities", "subtract from 1"
        )
    return _misfit(
        f"values from {plain(float(rows.min()))} to {plain(float(rows.max()))} whose rows all sum to {plain(mean)}: "
        f"probabilities times {plain(mean)}",
        f"divide by {plain(mean)}",
    )


def scaled_by_row(rows: Tensor) -> Misfit | None:
    """Look for rows ``(N, K)`` that were scaled one by one, so that all have the same highest or lowest number."""
    low, high = rows.amin(1), rows.amax(1)
    same_low, same_high = bool(torch.allclose(low, low[0])), bool(torch.allclose(high, high[0]))
    if len(rows) < SEVERAL or not same_high or (rows.shape[1] == 2 and float(low[0]) < 0):
        return None  # of two classes, one number is often the negative of the other
    if same_low:
        return _misfit(
            f"each row reaches from {plain(float(low[0]))} to {plain(float(high[0]))}: scaled row by row, which hides "
            "how sure it is",
            "give them as they were before",
        )
    if float(low.min()) >= 0:
        return _misfit(
            f"the highest number of each row is {plain(float(high[0]))}: scaled row by row",
            "give them as they were before",
            *(("sigmoid",) if float(high[0]) == 1 else ()),
        )
    return None


def cut_off(rows: Tensor) -> Misfit | None:
    """Look for rows ``(N, K)`` that were cut off at a highest or lowest number."""
    if len(rows) < SEVERAL or bool((rows == rows.round()).all()):
        return None
    low, high = rows.min(), rows.max()
    reaching, tied = (rows == high).any(1), (rows == high).sum(1) > 1
    if bool(reaching.all()) and float(high) == 0 and not _many(tied, _ROWS):
        return None  # the highest was subtracted from each row, as before a softmax
    rounded_up = float(high) == 1 and float(low) >= 0  # as sigmoids of sure models are
    if _many(tied, _ROWS) or (_many(reaching, _ROWS) and not rounded_up):
        end, which = float(high), "highest"
    elif _many((rows == low).flatten(), _NUMBERS):
        end, which = float(low), "lowest"
    else:
        return None
    may_be = ("sigmoid",) if float(low) >= 0 and float(high) <= 1 else ()
    may_be = (*may_be, "logits") if float(low) == 0 and which == "lowest" else may_be  # after a ReLU
    return _misfit(
        f"many values are exactly {plain(end)}, the {which} of all: they were cut off there",
        "give them as they were before",
        *may_be,
    )


def _many(these: Tensor, share: float) -> bool:
    """Tell whether so many booleans are true that it is no accident; numbers in half precision tie now and then."""
    return int(these.sum()) >= max(3, share * these.numel())


def _misfit(evidence: str, remedy: str, *kinds: str) -> Misfit:
    return Misfit(evidence=evidence, remedy=remedy, kinds=(*kinds, "labels"))
