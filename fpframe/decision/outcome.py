"""`Decision`: what the scores of a suspect come to, whichever test looked at them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import attrs
import numpy as np

from fpframe.base import Note
from fpframe.decision.pvalues import StratumResult, StratumScores, stratum_p_value
from fpframe.rng import derive_seed

#: How scores become a verdict: by counting models, by counting them after each view, or by a t-test over views, against
#: all independent models in one sample as in the literature, or against each stratum.
Test = Literal["conformal", "sequential", "welch", "welch-by-stratum"]
#: The three words of a verdict.
Word = Literal["DERIVED", "NOT_SHOWN", "INCONCLUSIVE"]
DERIVED: Literal["DERIVED"] = "DERIVED"
NOT_SHOWN: Literal["NOT_SHOWN"] = "NOT_SHOWN"
INCONCLUSIVE: Literal["INCONCLUSIVE"] = "INCONCLUSIVE"

#: Resamples of the views for the interval around a score.
RESAMPLES = 1000


@attrs.frozen(kw_only=True)
class Decision:
    """What the scores of a suspect come to; one that its own numbers contradict cannot be made.

    Attributes:
        verdict: ``DERIVED``, ``NOT_SHOWN`` or ``INCONCLUSIVE``.
        score: mean over the views; NaN when an answer was not finite.
        interval: bootstrap interval of the score over the views, or over the points of the only one (2.5 % to 97.5 %).
        p_value: the largest p-value of all strata; NaN when there is no score.
        strata: what each stratum says.
        alpha: the level that this suspect was held to.
        reason: why it is inconclusive; ``None`` otherwise.
        test: ``conformal`` (see `decide`), ``sequential`` (`decide_sequentially`), ``welch`` or
            ``welch-by-stratum`` (`decide_by_welch`).
        views: how many views the decision rests on.
        stopped: why a sequential test needs no further view: ``derived`` or ``futile``; empty where it did not stop.
        certify: whether the bounds of the strata were held to alpha, and not only the p-values.
    """

    verdict: Word
    score: float
    interval: tuple[float, float]
    p_value: float
    strata: dict[str, StratumResult]
    alpha: float
    reason: Note | None = None
    test: Test = "conformal"
    views: int
    stopped: Literal["", "derived", "futile"] = ""
    certify: bool = False

    def __attrs_post_init__(self) -> None:
        fault = self._contradiction()
        if fault:
            raise ValueError(f"a decision cannot be {self.verdict} {fault}")

    @property
    def evidence(self) -> float:
        """What is held against a level: the largest p-value of the strata, or the largest bound; NaN with no score."""
        return max((result.evidence(certify=self.certify) for result in self.strata.values()), default=math.nan)

    def _contradiction(self) -> str:
        """Return why the verdict cannot be what it says, by the numbers beside it; empty where it can."""
        if self.verdict not in get_args(Word):
            return f"(known: {', '.join(get_args(Word))})"
        if bool(self.reason) != (self.verdict == INCONCLUSIVE):
            return f"with the reason '{self.reason.code}'" if self.reason else "without a reason"
        if self.verdict == INCONCLUSIVE:
            return ""
        if not self.strata:
            return "with no stratum that could speak against it"
        if self.p_value != max(result.p for result in self.strata.values()):
            return f"with a p-value of {self.p_value:g}, which is not the largest of its strata"
        failed = [name for name, result in self.strata.items() if not result.passes(self.alpha, certify=self.certify)]
        if self.verdict == DERIVED and failed:
            value = self.strata[failed[0]].evidence(certify=self.certify)
            return f"at level {self.alpha:g}: stratum '{failed[0]}' has {value:g}"
        if self.verdict == NOT_SHOWN and not failed:
            return f"at level {self.alpha:g}: every stratum passes"
        return ""


def hindrance(view_scores: Sequence[float], finite: Mapping[str, bool], behaviour: Note | None) -> Note | None:
    """Return why there can be no verdict; ``None`` where there can.

    Args:
        view_scores: the scores of the suspect.
        finite: by stratum, whether its calibration scores are finite.
        behaviour: what the suspect did that prevents a verdict; it comes first.

    Raises:
        ValueError: there are no strata, so that nothing could speak against the suspect being derived.
    """
    if not finite:
        raise ValueError("a decision needs at least one stratum")
    if behaviour is not None:
        return behaviour
    if not len(view_scores) or not np.isfinite(view_scores).all():
        return Note("score-not-finite", "The suspect's score is not a finite number. Calibrate or enroll again.")
    for name, whole in sorted(finite.items()):
        if not whole:
            return Note(
                "calibration-not-finite",
                f"A calibration score of stratum '{name}' is not a finite number. Calibrate or enroll again.",
            )
    return None


def undecided(
    reason: Note,
    strata: Mapping[str, StratumScores],
    *,
    alpha: float,
    views: int,
    test: Test = "conformal",
    certify: bool = False,
) -> Decision:
    """Return the decision of a suspect of which nothing can be said, with no number in it that could be quoted."""
    return Decision(
        verdict=INCONCLUSIVE,
        score=math.nan,
        interval=(math.nan, math.nan),
        p_value=math.nan,
        strata={
            name: attrs.evolve(
                stratum_p_value(math.nan, stratum),
                p=math.nan,
                p_models=math.nan,
                p_families=math.nan,
                at_least=0,
                families_at_least=0,
                bound=math.nan,
            )
            for name, stratum in sorted(strata.items())
        },
        alpha=alpha,
        reason=reason,
        test=test,
        views=views,
        certify=certify,
    )


def interval_over_views(view_scores: Sequence[float]) -> tuple[float, float]:
    """Bootstrap the mean over views: it tells how much a verdict hangs on the choice of points."""
    values = np.asarray(view_scores, dtype=np.float64)
    source = np.random.default_rng(derive_seed(0, "bootstrap over views", len(values)))
    means = values[source.integers(0, len(values), (RESAMPLES, len(values)))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
