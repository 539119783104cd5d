"""What the experiment on fingerprints and points did and found, in words and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fpframe.comparison import ALL_THEFTS
from fpframe.paper.laboratory import BASELINE, CONTROL, UAP, Laboratory
from fpframe.paper.queries.strength import Strength
from fpframe.paper.template import fill

_EVIDENCE = ["TPR at 5 % FPR", "t-test claims p", "conformal p"]


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
    return fill(
        "queries",
        points=ours.points,
        cost=cost,
        views=queries.views,
        floor=f"{ours.floor:.2g}",
        ours=UAP,
        control=CONTROL,
        baseline=BASELINE,
        evidence=_EVIDENCE,
        by_fingerprints=[
            [str(each.fingerprints), *_row(each, [*curves], (CONTROL, BASELINE)), *_evidence(each)]
            for each in _all_thefts(curves, UAP)
        ],
        differences=[[name, difference] for name, difference in contrasts.items()],
        shown=shown,
        by_kind=[
            [f"`{each.scheme}`", each.kind, each.area.text, *_evidence(each)]
            for each in by_points
            if each.points == ours.points and (each.scheme == UAP or each.kind == ALL_THEFTS)
        ],
        by_points=[
            [str(each.points), *_row(each, [*by_points], (CONTROL,)), *_evidence(each)]
            for each in _all_thefts(by_points, UAP)
        ],
        between=between,
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
