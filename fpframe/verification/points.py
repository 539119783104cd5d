"""What a verdict of one view makes of its points: how far the score hangs on their choice."""

from __future__ import annotations

import math

import attrs

from fpframe.base import Note
from fpframe.decision import DERIVED, INCONCLUSIVE, Decision
from fpframe.verification.question_suspect import Questioned


def with_points(decision: Decision, questioned: Questioned) -> Decision:
    """Return a decision of one view with the interval of its score over its points, by which it may be inconclusive.

    Of several views the views are resampled; of one view, its points. Either way a verdict that other images of the
    same kind would have turned round is none.
    """
    spread = questioned.points
    if spread is None or decision.test not in ("conformal", "sequential") or not math.isfinite(decision.score):
        return decision
    # with one view nothing is left unasked, whichever of the two tests looks at it
    shown = attrs.evolve(decision, interval=spread, stopped="")
    derived = decision.verdict == DERIVED
    ends = {questioned.yardstick.passes(end, decision, questioned.standing) for end in spread}
    if decision.verdict == INCONCLUSIVE or ends == {derived}:
        return shown
    low, high = spread
    reason = Note(
        "points-disagree",
        f"The points disagree: resampled, the score lies between {low:.3f} and {high:.3f}, on both sides of the "
        "threshold. Enroll with more points.",
    )
    return attrs.evolve(shown, verdict=INCONCLUSIVE, reason=reason)
