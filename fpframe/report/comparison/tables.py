"""Comparisons as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fpframe.comparison import ALL_INDEPENDENT, ALL_THEFTS, Area, Comparison, areas
from fpframe.report.comparison.differences import contrasted, difference_of_pairs
from fpframe.report.comparison.zoos import area_text, by_zoo, called_by_kind, called_over_zoos
from fpframe.report.tables import markdown_table


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
    accuracy = ", ".join(f"{zoo.accuracy:.3f}" for zoo in comparison.zoos)
    lines = [
        f"Recipe `{recipe.name}`, {_seed(comparison)}, data `{recipe.dataset}`, victim `{victim['address']}` (accuracy "
        f"{accuracy}); enrolments with seeds {seeds}, {how}. Figures are means over these seeds"
        f"{_over_zoos(comparison)}.",
        *_failed(comparison),
        *_doubted(comparison),
        "",
    ]
    for channel in comparison.channels:
        found = areas(comparison, channel)
        lines += [
            f"## Channel `{channel}`\n",
            f"AUC of derived against independent models, with {_intervals(comparison)}:\n",
            _margins(comparison, found),
            *by_zoo(comparison, channel),
            "At a threshold that at most 5 % of the independent models reach: thefts found (95 % interval, "
            f"{_exact(comparison)}); area under the robustness-uniqueness curve; models called derived at alpha "
            f"{recipe.alpha:g} (`-` where nothing was calibrated); and the costs:\n",
            _summary(comparison, found, channel),
            *called_by_kind(comparison, channel),
            *difference_of_pairs(comparison, channel),
            *(_grids(comparison, found) if comparison.folds is not None else []),
            *contrasted(comparison, channel),
        ]
    return "\n".join(lines)


def _seed(comparison: Comparison) -> str:
    if len(comparison.zoos) == 1:
        return f"seed {comparison.recipe.seed}"
    return f"{len(comparison.zoos)} zoos with seeds {', '.join(str(zoo.seed) for zoo in comparison.zoos)}"


def _over_zoos(comparison: Comparison) -> str:
    if len(comparison.zoos) == 1:
        return ""
    return (
        ", and over the zoos, which count alike. Thefts are compared with the independent models of their own zoo, and "
        "n counts all zoos"
    )


def _intervals(comparison: Comparison) -> str:
    newcombe = "Newcombe's 95 % intervals, families as units"
    if len(comparison.zoos) == 1:
        return f"{newcombe}; what another victim and zoo would change is not in them"
    return f"{newcombe}, and with what lies between the {len(comparison.zoos)} zoos (Student's)"


def _exact(comparison: Comparison) -> str:
    return "exact" if len(comparison.zoos) == 1 else "exact for all models, and with what lies between zoos"


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
        zoos = ", ".join(dict.fromkeys(str(doubt.zoo) for doubt in found))
        where = f"seed {seeds}" if len(comparison.zoos) == 1 else f"zoo {zoos}, seed {seeds}"
        lines.append(
            f"`{name}` is not fit to accuse anybody here, and would not be enrolled ({code}, {where}): "
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
            [theft, stratum, f"{cells[0].n_derived} / {cells[0].n_independent}", *(area_text(area) for area in cells)]
        )
    return markdown_table(["derived", "independent", "n", *comparison.contenders], rows)


def _cell_text(area: Area | None) -> str:
    return "" if area is None else area_text(area)


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
                f"n too small ({_in_each(comparison, whole.n_independent)})"
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


def _in_each(comparison: Comparison, count: int) -> str:
    return str(count) if len(comparison.zoos) == 1 else f"{count} in {len(comparison.zoos)} zoos"


def _called(comparison: Comparison, contender: str, channel: str, relation: str) -> str:
    """Return how many models of a relation were called derived with each seed; over several zoos, at which rate."""
    outcomes = comparison.of(contender, channel)
    if not outcomes[0].verdicts:
        return "-"
    if len(comparison.zoos) > 1:
        return called_over_zoos(comparison, contender, channel, relation)
    counts = comparison.called(contender, channel, relation)
    return f"{', '.join(map(str, counts))} of {len(comparison.rows(relation))}"


def _grids(comparison: Comparison, found: Sequence[Area]) -> list[str]:
    """Return every kind of theft against every stratum, one table for each contender."""
    lines = []
    for contender in comparison.contenders:
        mine = [area for area in found if area.contender == contender]
        strata = list(dict.fromkeys(area.stratum for area in mine))
        thefts = list(dict.fromkeys(area.theft for area in mine))
        by_cell = {(area.theft, area.stratum): area for area in mine}
        rows = [
            [f"{theft} ({by_cell[theft, strata[0]].n_derived})", *(_cell_text(by_cell.get((theft, s))) for s in strata)]
            for theft in thefts
        ]
        header = [f"{stratum} ({by_cell[thefts[0], stratum].n_independent})" for stratum in strata]
        lines += [f"Every cell of `{contender}`:\n", markdown_table([contender, *header], rows)]
    return lines
