"""What a comparison found on each of several zoos, and on all of them."""

from __future__ import annotations

import numpy as np

from fpframe.comparison import ALL_INDEPENDENT, ALL_THEFTS, Area, Comparison, areas, rate_over_zoos, thefts_of
from fpframe.report.tables import markdown_table


def by_zoo(comparison: Comparison, channel: str) -> list[str]:
    """Return a table of what was found on each zoo: AUC, thefts found, and models called derived; none for one zoo."""
    if len(comparison.zoos) == 1:
        return []
    rows = []
    for zoo, part in zip(comparison.zoos, comparison.by_zoo(), strict=True):
        whole = [area for area in areas(part, channel) if (area.theft, area.stratum) == (ALL_THEFTS, ALL_INDEPENDENT)]
        rows.append(
            [
                str(zoo.seed),
                f"{zoo.accuracy:.3f}",
                f"{whole[0].n_derived} / {whole[0].n_independent}",
                *(_found(part, area) for area in whole),
            ]
        )
    spreads = {
        area.contender: area.spread
        for area in areas(comparison, channel)
        if (area.theft, area.stratum) == (ALL_THEFTS, ALL_INDEPENDENT)
    }
    rows.append(["standard deviation", "", "", *(f"{spreads[name]:.3f}" for name in comparison.contenders)])
    return [
        "Each zoo by itself, all thefts against all independent models: AUC with the interval of that zoo alone, and "
        "thefts and independent models called derived, with each seed:\n",
        markdown_table(["zoo", "accuracy of the victim", "n", *comparison.contenders], rows),
    ]


def area_text(area: Area) -> str:
    """Return an AUC with its interval."""
    return f"{area.auc:.3f} [{area.interval[0]:.3f}, {area.interval[1]:.3f}]"


def called_by_kind(comparison: Comparison, channel: str) -> list[str]:
    """Return a table of how many models of each kind of theft and stratum were called derived; none in a cross-fit."""
    if not any(each.verdicts for each in comparison.outcomes):
        return []
    thefts = [theft for theft in thefts_of(comparison) if theft != ALL_THEFTS]
    kinds = [("derived", theft) for theft in thefts]
    kinds += [("independent", stratum) for stratum in comparison.kinds("independent")]
    rows = []
    for relation, kind in kinds:
        counts = [comparison.called(contender, channel, relation, kind) for contender in comparison.contenders]
        n = len(comparison.rows(relation, kind))
        rows.append([relation, kind, str(n), *(", ".join(map(str, each)) for each in counts)])
    return [
        f"Called derived at alpha {comparison.recipe.alpha:g} with each seed, of n models"
        f"{'' if len(comparison.zoos) == 1 else ' of all zoos'}:\n",
        markdown_table(["", "kind", "n", *comparison.contenders], rows),
    ]


def called_over_zoos(comparison: Comparison, contender: str, channel: str, relation: str) -> str:
    """Return at which rate models of a relation were called derived, as mean over the zoos, with its interval."""
    zoos = [zoo for zoo in comparison.by_zoo() if zoo.rows(relation)]
    counts = [float(np.mean(zoo.called(contender, channel, relation))) for zoo in zoos]
    rates = [count / len(zoo.rows(relation)) for count, zoo in zip(counts, zoos, strict=True)]
    n = len(comparison.rows(relation))
    low, high = rate_over_zoos(round(sum(counts)), n, rates)
    return f"{np.mean(rates):.0%} of {n} [{low:.2f}, {high:.2f}]"


def _found(part: Comparison, area: Area) -> str:
    if not part.of(area.contender, area.channel)[0].verdicts:
        return area_text(area)
    counts = [
        f"{', '.join(map(str, part.called(area.contender, area.channel, relation)))} of {len(part.rows(relation))}"
        for relation in ("derived", "independent")
    ]
    return f"{area_text(area)}; {'; '.join(counts)}"
