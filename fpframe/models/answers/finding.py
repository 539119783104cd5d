"""`find`: what rows of numbers are, by the evidence in them: one of four findings, the fourth being something else."""

from __future__ import annotations

from torch import Tensor

from fpframe.models.answers.findings import Finding, Misfit
from fpframe.models.answers.kinds import Outputs
from fpframe.models.answers.rows import distinct, extent
from fpframe.models.answers.shapes import plain
from fpframe.models.answers.shares import BYTES, are_shares, is_one_hot, is_whole, out_of_range, share_rows, top_count
from fpframe.models.answers.spoilt import constant_sum, cut_off, scaled_by_row

#: Different rows that it takes to tell sigmoids from other numbers between 0 and 1.
LEAST = 8
#: The share of rows of one kind among others from which on a suspect is taken to change its kind.
MIXED = 0.1


def find(answers: Tensor) -> Finding | Misfit | None:
    """Return what rows ``(N, K)`` of numbers are, for two classes or more; ``None`` where they do not show it.

    Rows that are not finite show nothing, and neither do rows that hold one number only.
    """
    if not answers.is_floating_point() and is_one_hot(answers):
        return Finding(kind="labels", evidence="whole numbers, a single one among zeros in each row")
    rows = distinct(answers)
    if not len(rows):
        return None
    low, high = float(rows.min()), float(rows.max())
    found = _shares(rows) or _mixed(rows)
    if found is not None:
        return found
    return constant_sum(rows) or (_positive(rows, low, high) if low >= 0 else _negative(rows, low, high))


def infer_outputs(answer: Tensor, num_classes: int) -> Outputs:
    """Return as what answers would be read; ``auto`` where they do not show it, or fit nothing."""
    if answer.ndim == 1 or (answer.ndim == 2 and answer.shape[1] == 1 != num_classes):
        return "labels"
    found = find(answer) if answer.ndim == 2 else None
    return found.kind if isinstance(found, Finding) else "auto"


def _shares(rows: Tensor) -> Finding | None:
    if are_shares(rows):
        return Finding(kind="probs", evidence=extent(rows))
    if are_shares(rows, 100):
        return Finding(kind="percent", evidence=extent(rows), scale=100)
    if is_whole(rows):
        for offset in (0, 128):  # signed bytes of a quantised network start at -128
            totals = [total for total in map(float, BYTES) if are_shares(rows + offset, total)]
            if totals:
                mean = float((rows + offset).sum(1).mean())
                nearest = min(totals, key=lambda total: abs(total - mean))
                return Finding(kind="probs", evidence=f"whole {extent(rows)}", scale=nearest, offset=offset)
    return None


def _mixed(rows: Tensor) -> Misfit | None:
    for total in (1.0, 100.0):
        fitting = share_rows(rows, total)
        others = rows[~fitting]
        outside = out_of_range(others, total).any(1)
        if int(fitting.sum()) > 1 and float(fitting.double().mean()) > MIXED and bool(outside.any()):
            return Misfit(
                evidence=f"{int(fitting.sum())} of {len(rows)} different rows sum to {plain(total)} as shares do, and "
                f"others reach from {plain(float(others.min()))} to {plain(float(others.max()))}, so they are of "
                "several kinds",
                remedy="let it answer the same way throughout",
            )
    return None


def _positive(rows: Tensor, low: float, high: float) -> Finding | Misfit:
    spoilt = scaled_by_row(rows)
    if spoilt is not None:
        return spoilt
    count, sums = top_count(rows), rows.sum(1)
    for total in (1.0, 100.0):
        if count and high <= total * 1.001 and bool((sums <= total * 1.01).all()):
            evidence = f"{extent(rows)}; no row has more than {count} that are not zero"
            return Finding(kind="topk", evidence=evidence, scale=total)
    if high > 1.001:
        return Misfit(
            evidence=f"{extent(rows)}: none is negative, as some logits are",
            kinds=(*_partly(rows, 100.0), "logits", "labels"),
            settled=True,
        )
    parts = _partly(rows, 1.0)
    if parts:
        return Misfit(
            evidence=f"{extent(rows)}: these may be the highest probabilities alone, or sigmoids",
            kinds=("topk", "sigmoid", "logits", "labels"),
        )
    cut = cut_off(rows)
    if cut is not None:
        return cut
    if len(rows) < LEAST or float(sums.max()) <= 1.01:
        return Misfit(
            evidence=f"{extent(rows)}: these may be one sigmoid for each class, or probabilities of some classes only",
            kinds=("sigmoid", "probs", "labels"),
        )
    return Finding(kind="sigmoid", evidence=extent(rows))


def _partly(rows: Tensor, total: float) -> tuple[str, ...]:
    """Return as what rows may be read that have zeros, and that sum to no more than a total."""
    zeros, sums = bool((rows == 0).any(1).all()), rows.sum(1)
    if not zeros or bool((sums > 1.02 * total).any()) or float(sums.mean()) < total / 2:
        return ()
    return ("topk",) if total == 1 else ("topk", "percent")


def _negative(rows: Tensor, low: float, high: float) -> Finding | Misfit:
    if bool((rows.logsumexp(1).abs() <= 1e-2).all()):
        return Finding(kind="logits", evidence=f"{extent(rows)}: logarithms of probabilities")
    sums = rows.sum(1)
    if low > -0.5 and high < 1.5 and bool(((sums > 0.5) & (sums < 1.5)).all()) and len(rows) > 1:
        return Misfit(
            evidence=f"{extent(rows)}: these may be probabilities that something was added to, or logits",
            remedy="give them as they were before",
            kinds=("logits", "labels"),
            settled=True,
        )
    spoilt = scaled_by_row(rows) or cut_off(rows)
    doubt = "none of them is positive, and logarithms of sigmoids would look like that too" if high < 0 else ""
    return spoilt or Finding(kind="logits", evidence=f"{extent(rows)}: some are negative", doubt=doubt)
