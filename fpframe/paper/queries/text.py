"""What the experiment on fingerprints and points did and found, in words and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fpframe.comparison import ALL_THEFTS
from fpframe.paper.laboratory import BASELINE, CONTROL, UAP, Laboratory
from fpframe.paper.queries.strength import Strength
from fpframe.report import markdown_table

_EVIDENCE = ("TPR at 5 % FPR", "t-test claims p", "conformal p")


def text(
    laboratory: Laboratory,
    curves: Sequence[Strength],
    by_points: Sequence[Strength],
    contrasts: Mapping[str, str],
    shares: Mapping[str, float],
) -> str:
    """Return the page's paragraphs and tables.

    Args:
        laboratory: the laboratory.
        curves: what all numbers of fingerprints say.
        by_points: what all numbers of points say.
        contrasts: differences of AUCs by what is compared.
        shares: share of the variance that lies between models, by stratum.
    """
    queries, ours = laboratory.recipe.queries, curves[0]
    cost, shown = ours.queries // ours.fingerprints, by_points[0].fingerprints
    finite = [share for share in shares.values() if np.isfinite(share)]
    between = f"{min(finite):.0%} to {max(finite):.0%}" if finite else "an unknown share"
    return "\n".join(
        [
            f"A fingerprint, or view, has {ours.points} points and costs {cost} queries. The encoder is fitted on "
            f"{queries.views} fingerprints of each model of the split `fit` and stays the same; what varies is how "
            "many of a suspect's are looked at, whose score is their mean. AUC with a 95 % bootstrap interval over "
            "families (derived / independent models of the split `test`, without failed thefts). TPR is the share of "
            "thefts above a threshold that at most 5 % of the independent models reach, with its Clopper-Pearson "
            "interval. The p-values of the t-test (Welch; every view is a sample) and the conformal one (every "
            f"calibration model is a sample; none can be below {ours.floor:.2g}) are the largest over the strata; "
            "shown are their medians over thefts.\n",
            markdown_table(
                ["fingerprints", "queries", *(f"AUC `{scheme}`" for scheme in (UAP, CONTROL, BASELINE)), *_EVIDENCE],
                [
                    [str(each.fingerprints), *_row(each, [*curves], (CONTROL, BASELINE)), *_evidence(each)]
                    for each in _all_thefts(curves, UAP)
                ],
            ),
            f"`{BASELINE}` is asked as many queries, all of them images of the pool that the victim gets wrong; a dash "
            "stands where there are no more of these. Differences of AUC with a 95 % bootstrap interval, and the "
            "p-value of DeLong's test with families as units:\n",
            markdown_table(["", "difference of AUC"], [[name, difference] for name, difference in contrasts.items()]),
            f"By kind of theft, {shown} fingerprints:\n",
            markdown_table(
                ["scheme", "thefts", "AUC", *_EVIDENCE],
                [
                    [f"`{each.scheme}`", each.kind, each.area.text, *_evidence(each)]
                    for each in by_points
                    if each.points == ours.points and (each.scheme == UAP or each.kind == ALL_THEFTS)
                ],
            ),
            f"By points N of a fingerprint, {shown} fingerprints. The first N of the {ours.points} points are taken, "
            "and an encoder is fitted to the answers to these alone:\n",
            markdown_table(
                ["N", "queries", f"AUC `{UAP}`", f"AUC `{CONTROL}`", *_EVIDENCE],
                [
                    [str(each.points), *_row(each, [*by_points], (CONTROL,)), *_evidence(each)]
                    for each in _all_thefts(by_points, UAP)
                ],
            ),
            f"Of the variance of the calibration models' similarities {between} lies between models, by stratum. Were "
            "views independent samples, as the t-test takes them for, it would be 0 %; the larger it is, the less "
            "another view of the same model adds.\n",
        ]
    )


def _all_thefts(curves: Sequence[Strength], scheme: str) -> list[Strength]:
    return [each for each in curves if (each.scheme, each.kind) == (scheme, ALL_THEFTS)]


def _row(each: Strength, curves: Sequence[Strength], others: Sequence[str]) -> list[str]:
    """Return queries and AUC of the paper's scheme, and the AUC of others for as many queries and thefts."""
    found = [
        next((one.area.text for one in _all_thefts(curves, scheme) if one.queries == each.queries), "-")
        for scheme in others
    ]
    return [str(each.queries), each.area.text, *found]


def _evidence(each: Strength) -> list[str]:
    return [each.power_text, each.claimed_text, each.honest_text]
