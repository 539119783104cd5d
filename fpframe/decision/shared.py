"""`decide_together`: several suspects in one call share alpha, also where some of them were stopped early."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from fpframe.decision.levels import holm_thresholds
from fpframe.decision.outcome import Decision

#: Decides on one suspect at a level, always by the same answers.
Decider = Callable[[float], Decision]


def share_of(alpha: float, suspects: int) -> float:
    """Return the level at which any one of several suspects may be stopped early, whatever the others come to.

    It is the smallest of Holm's levels, so a suspect that is called derived at it is called derived at every other.

    Raises:
        ValueError: there are no suspects.
    """
    if suspects < 1:
        raise ValueError(f"alpha is shared by at least one suspect (got {suspects})")
    return alpha / suspects


def decide_together(suspects: Sequence[Decider], *, alpha: float) -> list[Decision]:
    """Return the decision on each suspect; the chance that any is falsely called derived is at most alpha.

    Each is decided at its share of alpha first; Holm's procedure then gives each its level, which is no lower, and each
    is decided again at that. A suspect that was stopped early as derived keeps the p-value at which it was: what it
    would have been asked beyond is not known. One that would have been stopped earlier at its final level was not, and
    its decision does not say so.

    Args:
        suspects: what decides on each at a level; see `share_of` for the level at which it may have been stopped.
        alpha: the level that they share.
    """
    if not suspects:
        return []
    first = [decide(share_of(alpha, len(suspects))) for decide in suspects]
    levels = holm_thresholds([decision.evidence for decision in first], alpha)
    return [_at(level, decide, before) for level, decide, before in zip(levels, suspects, first, strict=True)]


def _at(level: float, decide: Decider, before: Decision) -> Decision:
    if before.stopped == "derived":
        return attrs.evolve(before, alpha=level)
    if level == before.alpha:  # its share is all that there is: the same answers at the same level decide the same
        return before
    again = decide(level)
    return attrs.evolve(again, stopped="") if again.views < before.views else again
