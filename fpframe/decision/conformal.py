"""The decision: derived only if every stratum says so, and inconclusive where the answers do not carry one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fpframe.base import Note
from fpframe.decision.outcome import (
    DERIVED,
    INCONCLUSIVE,
    NOT_SHOWN,
    Decision,
    Word,
    hindrance,
    interval_over_views,
    undecided,
)
from fpframe.decision.paths import mean_of_views
from fpframe.decision.pvalues import StratumResult, StratumScores, stratum_p_value


def decide(
    view_scores: Sequence[float],
    strata: Mapping[str, StratumScores],
    *,
    alpha: float,
    behaviour: Note | None = None,
    certify: bool = False,
) -> Decision:
    """Turn the scores of a suspect's views into a verdict.

    Args:
        view_scores: one score per view.
        strata: calibration scores by stratum.
        alpha: the level.
        behaviour: what the suspect did that prevents a verdict (answers that are not finite, always the same);
            ``None`` when it answered properly.
        certify: hold the bound of each stratum to alpha instead of its p-value; see `upper_bound`.

    Raises:
        ValueError: there are no strata, so that nothing could speak against the suspect being derived.
    """
    reason = hindrance(view_scores, {name: stratum.finite for name, stratum in strata.items()}, behaviour)
    if reason is not None:
        return undecided(reason, strata, alpha=alpha, views=len(view_scores), certify=certify)
    score = mean_of_views(view_scores)
    low, high = interval = interval_over_views(view_scores)
    results = judge(score, strata)
    found = {stands_out(value, strata, alpha=alpha, certify=certify) for value in (low, score, high)}
    verdict: Word
    if len(found) > 1:
        verdict = INCONCLUSIVE
        reason = Note(
            "views-disagree",
            f"The views disagree: resampled, the score lies between {low:.3f} and {high:.3f}, on both sides of the "
            "threshold. Enroll with more points or views.",
        )
    else:
        verdict = DERIVED if found == {True} else NOT_SHOWN
    return Decision(
        verdict=verdict,
        score=score,
        interval=interval,
        p_value=max(result.p for result in results.values()),
        strata=results,
        alpha=alpha,
        reason=reason,
        views=len(view_scores),
        certify=certify,
    )


def judge(score: float, strata: Mapping[str, StratumScores]) -> dict[str, StratumResult]:
    """Return what each stratum says of a score."""
    return {name: stratum_p_value(score, stratum) for name, stratum in sorted(strata.items())}


def stands_out(score: float, strata: Mapping[str, StratumScores], *, alpha: float, certify: bool = False) -> bool:
    """Return whether a score passes at a level in every stratum."""
    return all(result.passes(alpha, certify=certify) for result in judge(score, strata).values())
