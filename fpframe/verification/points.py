"""What a verdict of one view says of its points: how far the score hangs on their choice."""

from __future__ import annotations

import math

import attrs

from fpframe.base import Note
from fpframe.decision import DERIVED, INCONCLUSIVE, Decision
from fpframe.verification.question_suspect import Questioned


def with_points(decision: Decision, questioned: Questioned) -> tuple[Decision, tuple[Note, ...]]:
    """Return a decision of one view with the interval of its score over its points, and what is to be said of it.

    Several views are resampled as they are, and decide by that. Of one view the points are resampled, which tells how
    the verdict hangs on their choice and decides nothing: p keeps its promise for any choice that no suspect had a part
    in.
    """
    spread = questioned.points
    if spread is None or decision.test != "conformal" or not math.isfinite(decision.score):
        return decision, ()
    shown = attrs.evolve(decision, interval=spread)
    derived = decision.verdict == DERIVED
    ends = {questioned.yardstick.passes(end, decision, questioned.standing) for end in spread}
    if decision.verdict == INCONCLUSIVE or ends == {derived}:
        return shown, ()
    low, high = spread
    note = Note(
        "hangs-on-points",
        f"The verdict hangs on the choice of points: resampled, the score lies between {low:.3f} and {high:.3f}, on "
        "both sides of the threshold. Enroll with more points.",
    )
    return shown, (note,)
