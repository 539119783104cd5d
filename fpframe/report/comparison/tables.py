"""Comparisons as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fpframe.comparison import ALL_INDEPENDENT, ALL_THEFTS, Area, Comparison, Contrast, areas, contrasts, pairs
from fpframe.decision import DERIVED
from fpframe.report.tables import markdown_table

#: A difference whose adjusted p-value lies below is marked.
LEVEL = 0.05


def comparison_markdown(comparison: Comparison) -> str:
    """Return all that a comparison shows."""
    recipe, victim = comparison.recipe, comparison.victim
    seeds = ", ".join(map(str, comparison.seeds))
    how = (
        "scored on the recipe's test split"
        if comparison.folds is None
        else f"cross-fitted: every model is scored by what was made without its fold, one of {comparison.folds}, and "
        "families are never divided"
    )
    lines = [
        f"Recipe `{recipe.name}`, seed {recipe.seed}, data `{recipe.dataset}`, victim `{victim['address']}` (accuracy "
        f"{victim['accuracy']:.3f}); enrolments with seeds {seeds}, {how}. Figures are means over these seeds.",
        *_failed(comparison),
        *_doubted(comparison),
        "",
    ]
    for channel in comparison.channels:
        found = areas(comparison, channel)
        lines += [
            f"## Channel `{channel}`\n",
            "AUC of derived against independent models, with 95 % bootstrap intervals over families (where every draw "
            "gives the same, as at an AUC of 1, Newcombe's interval stands; near 1 the bootstrap is too narrow):\n",
            _margins(comparison, found),
            "At a threshold that at most 5 % of the independent models reach: thefts found (exact 95 % interval); area "
            "under the robustness-uniqueness curve; models called derived at alpha "
            f"{recipe.alpha:g} (`-` where nothing was calibrated); and the costs:\n",
            _summary(comparison, found, channel),
            *_pairs(comparison, channel),
            *(_grids(comparison, found) if comparison.folds is not None else []),
            *(line for pair in comparison.contrasts for line in _contrast(comparison, channel, *pair)),
        ]
    return "\n".join(lines)


def _failed(comparison: Comparison) -> list[str]:
    failed = sum(model.failed for model in comparison.models)
    return (
        [f"Failed thefts, more than five points less accurate than the victim, count nowhere: {failed}."]
        if failed
        else []
    )


def _doubted(comparison: Comparison) -> list[str]:
    """Say which contenders are not fit to accuse anybody, though they are compared."""
    lines = []
    for name, code in dict.fromkeys((doubt.contender, doubt.note.code) for doubt in comparison.doubts):
        found = [doubt for doubt in comparison.doubts if (doubt.contender, doubt.note.code) == (name, code)]
        seeds = ", ".join(dict.fromkeys(str(doubt.seed) for doubt in found))
        lines.append(
            f"`{name}` is not fit to accuse anybody here, and would not be enrolled ({code}, seed {seeds}): "
            f"{found[0].note.text}"
        )
    return lines


def _margins(comparison: Comparison, found: Sequence[Area]) -> str:
    """Return each kind of theft against all strata, and all thefts against each stratum."""
    by_cell = {(area.contender, area.theft, area.stratum): area for area in found}
    wanted = dict.fromkeys(
        (area.theft, area.stratum) for area in found if area.stratum == ALL_INDEPENDENT or area.theft == ALL_THEFTS
    )
    # each kind of theft first, then everything, then the strata
    order = sorted(wanted, key=lambda cell: (cell[0] == ALL_THEFTS, cell[1] != ALL_INDEPENDENT))
    rows = []
    for theft, stratum in order:
        cells = [by_cell[contender, theft, stratum] for contender in comparison.contenders]
        rows.append(
            [theft, stratum, f"{cells[0].n_derived} / {cells[0].n_independent}", *(_area_text(area) for area in cells)]
        )
    return markdown_table(["derived", "independent", "n", *comparison.contenders], rows)


def _area_text(area: Area) -> str:
    return f"{area.auc:.3f} [{area.interval[0]:.3f}, {area.interval[1]:.3f}]"


def _summary(comparison: Comparison, found: Sequence[Area], channel: str) -> str:
    rows = []
    for contender in comparison.contenders:
        whole = next(
            area
            for area in found
            if (area.contender, area.theft, area.stratum) == (contender, ALL_THEFTS, ALL_INDEPENDENT)
        )
        costs = [cost for cost in comparison.costs if cost.contender == contender]
        power = whole.power
        rows.append(
            [
                contender,
                f"n too small ({whole.n_independent})"
                if power is None
                else f"{power.rate:.0%} of {power.n} [{power.interval[0]:.2f}, {power.interval[1]:.2f}]",
                f"{whole.aruc:.3f}",
                _called(comparison, contender, channel, "derived"),
                _called(comparison, contender, channel, "independent"),
                str(costs[0].queries),
                f"{np.mean([cost.enrol_seconds for cost in costs]):.1f}",
                f"{np.mean([cost.verify_seconds for cost in costs]):.3f}",
            ]
        )
    header = ["scheme", "thefts above the threshold", "ARUC", "thefts `DERIVED`", "independent `DERIVED`"]
    return markdown_table([*header, "queries", "seconds to enroll", "seconds to verify"], rows)


def _called(comparison: Comparison, contender: str, channel: str, relation: str) -> str:
    """Return how many models of a relation were called derived with each seed."""
    rows, outcomes = comparison.rows(relation), comparison.of(contender, channel)
    if not outcomes[0].verdicts:
        return "-"
    counts = [sum(outcome.verdicts[row] == DERIVED for row in rows) for outcome in outcomes]
    return f"{', '.join(map(str, counts))} of {len(rows)}"


def _pairs(comparison: Comparison, channel: str) -> list[str]:
    tests = pairs(comparison, channel)
    if not tests:
        return []
    found = {(each.first, each.second): each for each in tests}
    names = comparison.contenders
    rows = [
        [row, *("" if row == column else _pair_text(found, row, column) for column in names[1:])] for row in names[:-1]
    ]
    return [
        f"Difference of the AUCs of all thefts against all independent models, row minus column, on the same models. "
        f"`*`: p at most {LEVEL:g} after Holm's correction for {len(tests)} pairs (DeLong's test with families as "
        "units):\n",
        markdown_table(["", *names[1:]], rows),
    ]


def _pair_text(found: dict[tuple[str, str], Contrast], row: str, column: str) -> str:
    return _difference_text(found[row, column]) if (row, column) in found else ""


def _difference_text(contrast: Contrast) -> str:
    mark = "*" if contrast.adjusted <= LEVEL else ""
    return f"{contrast.test.difference:+.3f}{mark}"


def _contrast_text(contrast: Contrast) -> str:
    low, high = contrast.test.interval
    return f"{_difference_text(contrast)} [{low:+.3f}, {high:+.3f}] (p {contrast.adjusted:.2g})"


def _grids(comparison: Comparison, found: Sequence[Area]) -> list[str]:
    """Return every kind of theft against every stratum, one table for each contender."""
    lines = []
    for contender in comparison.contenders:
        mine = [area for area in found if area.contender == contender]
        strata = list(dict.fromkeys(area.stratum for area in mine))
        thefts = list(dict.fromkeys(area.theft for area in mine))
        by_cell = {(area.theft, area.stratum): area for area in mine}
        rows = [
            [f"{theft} ({by_cell[theft, strata[0]].n_derived})", *(_area_text(by_cell[theft, s]) for s in strata)]
            for theft in thefts
        ]
        header = [f"{stratum} ({by_cell[thefts[0], stratum].n_independent})" for stratum in strata]
        lines += [f"Every cell of `{contender}`:\n", markdown_table([contender, *header], rows)]
    return lines


def _contrast(comparison: Comparison, channel: str, first: str, second: str) -> list[str]:
    tests = contrasts(comparison, channel, first, second)
    strata = list(dict.fromkeys(each.stratum for each in tests))
    thefts = list(dict.fromkeys(each.theft for each in tests))
    by_cell = {(each.theft, each.stratum): each for each in tests}
    rows = [
        [
            theft,
            *(_contrast_text(by_cell[theft, s]) for s in strata),
        ]
        for theft in thefts
    ]
    return [
        f"AUC of `{first}` minus that of `{second}` in every cell, with p after Holm's correction for {len(tests)} "
        "cells (DeLong's test with families as units):\n",
        markdown_table(["", *strata], rows),
    ]
