"""The sequential test: look after each view, and stop as soon as the verdict is clear."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import attrs
import numpy as np

from fpframe.base import Note
from fpframe.decision.conformal import judge
from fpframe.decision.outcome import DERIVED, NOT_SHOWN, Decision, hindrance, interval_over_views, undecided
from fpframe.decision.paths import StratumPaths, mean_of_views
from fpframe.decision.pvalues import StratumScores


@attrs.frozen(kw_only=True)
class Standard:
    """What the mean score of an independent model is like after each view; it makes looks comparable.

    The first means rest on few views and spread more than the later ones. The standard changes how early a test can
    stop, and never how often it accuses: suspect and calibration models are measured by the same one.

    Attributes:
        means: for each look t = 1..V, the mean of the mean of the first t view scores.
        deviations: its standard deviation between models.
    """

    means: tuple[float, ...]
    deviations: tuple[float, ...]

    def __attrs_post_init__(self) -> None:
        if len(self.means) != len(self.deviations):
            raise ValueError(f"{len(self.means)} means but {len(self.deviations)} deviations")

    def __call__(self, views: np.ndarray) -> np.ndarray:
        """Return the standardised mean ``(n, t)`` at each look for the first view scores ``(n, t)`` of models."""
        looks = views.shape[1]
        with np.errstate(all="ignore"):  # what is not finite shows in the result
            standardised: np.ndarray = (_running_means(views) - self.means[:looks]) / self.deviations[:looks]
        return standardised


def standard_of(views: np.ndarray) -> Standard:
    """Return the standard of independent models by their view scores ``(m, V)``.

    They must not be calibration models: those of the fit split serve. A look at which all score the same has a
    deviation of 1, and so has every look of a single model.

    Raises:
        ValueError: there are no models, or no views.
    """
    views = np.asarray(views, dtype=np.float64)
    if views.ndim != 2 or 0 in views.shape:
        raise ValueError(f"a standard needs view scores (m, V) of at least one model (got shape {views.shape})")
    means = _running_means(views)
    centre = means.mean(0)
    spread = means.std(0, ddof=1) if len(means) > 1 else np.zeros(means.shape[1])
    # equal scores may differ from their mean in the last digit
    spread = np.where(spread > 1e-12 * np.maximum(1, np.abs(centre)), spread, 1.0)
    return Standard(means=tuple(centre.tolist()), deviations=tuple(spread.tolist()))


def decide_sequentially(
    view_scores: Sequence[float],
    strata: Mapping[str, StratumPaths],
    standard: Standard,
    *,
    alpha: float,
    behaviour: Note | None = None,
    certify: bool = False,
    futility: bool = True,
) -> Decision:
    """Turn the first scores of a suspect's views into a verdict, and say whether the others can be left unasked.

    After each view the suspect's highest standardised mean so far is compared with the highest of *all* looks of each
    calibration model. Had the suspect been asked all views, its own highest of all looks would be an ordinary score,
    exchangeable with those of the calibration models, and its p-value at most alpha with a chance of at most alpha. The
    highest so far never exceeds that, so no p-value of an earlier look is smaller: the chance that *any* look has one
    of at most alpha is at most alpha, however many looks there are and whenever one stops. The same holds of the bound.

    From the second look on it also stops where in some stratum at least half of the calibration models' standardised
    means at this very look are as high as the suspect's. That turns ``DERIVED`` into ``NOT_SHOWN`` at times and never
    the other way, so it cannot raise the chance either.

    Call it with a growing list of view scores, and stop asking as soon as `Decision.stopped` is not empty. Where scores
    were given beyond the look at which it stops they change nothing, unless one of them is not finite.

    Args:
        view_scores: scores of the first views, V at most.
        strata: view scores ``(n, V)`` of the calibration models, by stratum.
        standard: of V looks.
        alpha: the level.
        behaviour: what the suspect did that prevents a verdict; ``None`` when it answered properly.
        certify: hold the bound of each stratum to alpha instead of its p-value; see `upper_bound`.
        futility: stop where there is little hope left.

    Raises:
        ValueError: there are no strata, or calibration, standard and suspect do not have the same views.
    """
    looks = len(standard.means)
    if any(paths.views.shape[1] != looks for paths in strata.values()) or len(view_scores) > looks:
        raise ValueError(
            f"a standard of {looks} looks needs calibration models of {looks} views and a suspect of at most {looks} "
            f"(got {sorted({paths.views.shape[1] for paths in strata.values()})} and {len(view_scores)})"
        )
    marks = {name: standard(paths.views) for name, paths in strata.items()}
    own = standard(np.asarray(view_scores, dtype=np.float64).reshape(1, -1))[0]
    calibration = {
        name: StratumScores(
            scores=tuple(_highest(each).tolist()), families=strata[name].families, less_able=strata[name].less_able
        )
        for name, each in marks.items()
    }
    finite = {name: paths.finite and bool(np.isfinite(marks[name]).all()) for name, paths in strata.items()}
    reason = hindrance(own.tolist(), finite, behaviour)
    if reason is not None:
        return undecided(reason, calibration, alpha=alpha, views=len(view_scores), test="sequential", certify=certify)
    stopped: Literal["", "derived", "futile"] = ""
    for look in range(1, len(own) + 1):
        results = judge(float(own[:look].max()), calibration)
        if all(result.passes(alpha, certify=certify) for result in results.values()):
            stopped = "derived"
        elif futility and look > 1 and any(_hopeless(own, each, look) for each in marks.values()):
            stopped = "futile"
        if stopped:
            break
    used = view_scores[:look]
    return Decision(
        verdict=DERIVED if stopped == "derived" else NOT_SHOWN,
        score=mean_of_views(used),
        interval=interval_over_views(used) if look > 1 else (math.nan, math.nan),
        p_value=max(result.p for result in results.values()),
        strata=results,
        alpha=alpha,
        test="sequential",
        views=look,
        stopped=stopped,
        certify=certify,
    )


def _running_means(views: np.ndarray) -> np.ndarray:
    """Return the means ``(n, V)`` of the first t view scores for each t."""
    # a running sum adds in one order only: later views, or other rows, never change the last digit of a mean
    means: np.ndarray = np.cumsum(views, axis=1) / np.arange(1, views.shape[1] + 1)
    return means


def _highest(marks: np.ndarray) -> np.ndarray:
    """Return the highest of all looks ``(n,)`` of calibration models ``(n, V)``, whenever the suspect's test stops."""
    highest: np.ndarray = marks.max(axis=1)
    return highest


def _hopeless(own: np.ndarray, marks: np.ndarray, look: int) -> bool:
    """Return whether at least half of the calibration models are as high as the suspect at this very look."""
    return bool(2 * np.count_nonzero(marks[:, look - 1] >= own[look - 1]) >= len(marks))
