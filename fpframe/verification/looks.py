"""`Look`: what a sequential verdict knew after one view."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from fpframe.decision import Decision
from fpframe.verification.standing import Standing
from fpframe.verification.yardstick import Yardstick


@attrs.frozen(kw_only=True)
class Look:
    """What a sequential verdict knew after one view.

    Attributes:
        views: views asked so far.
        score: mean score of these.
        standardised: the mean, in standard deviations from that of independent models.
        highest: the highest standardised mean so far.
        evidence: the largest p-value over the strata, or the largest bound where the verdict certifies.
        stopped: why it stopped here, ``derived`` or ``futile``; empty where it did not.
    """

    views: int
    score: float
    standardised: float
    highest: float
    evidence: float
    stopped: str


def looks_of(
    decision: Decision, view_scores: Sequence[float], yardstick: Yardstick, standing: Standing | None = None
) -> tuple[Look, ...]:
    """Return the looks of a sequential decision; none for other tests, and none where there is no score."""
    if decision.test != "sequential" or decision.reason is not None:
        return ()
    scores = tuple(view_scores)[: decision.views]
    standardised = yardstick.standardised(np.array([scores], dtype=np.float64))[0].tolist()
    looks = []
    for views in range(1, decision.views + 1):
        then = yardstick.decide(
            scores[:views], alpha=decision.alpha, test="sequential", certify=decision.certify, standing=standing
        )
        looks.append(
            Look(
                views=views,
                score=then.score,
                standardised=standardised[views - 1],
                highest=max(standardised[:views]),
                evidence=then.evidence,
                stopped=then.stopped,
            )
        )
    return tuple(looks)
