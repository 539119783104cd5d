"""Differences between contenders as tables."""

from __future__ import annotations

from fpframe.comparison import ALL_INDEPENDENT, Comparison, Contrast, contrasts, pairs
from fpframe.report.tables import markdown_table

#: A difference whose adjusted p-value lies below is marked.
LEVEL = 0.05


def difference_of_pairs(comparison: Comparison, channel: str) -> list[str]:
    """Return a table of the differences between any two contenders over all models."""
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
        f"`*`: p at most {LEVEL:g} after Holm's correction for {len(tests)} pairs ({_test(comparison)}):\n",
        markdown_table(["", *names[1:]], rows),
    ]


def _test(comparison: Comparison) -> str:
    return "DeLong's test with families as units" if len(comparison.zoos) == 1 else "Student's test with zoos as units"


def _pair_text(found: dict[tuple[str, str], Contrast], row: str, column: str) -> str:
    return _difference_text(found[row, column]) if (row, column) in found else ""


def _difference_text(contrast: Contrast) -> str:
    mark = "*" if contrast.adjusted <= LEVEL else ""
    return f"{contrast.test.difference:+.3f}{mark}"


def _contrast_text(contrast: Contrast) -> str:
    low, high = contrast.test.interval
    return f"{_difference_text(contrast)} [{low:+.3f}, {high:+.3f}] (p {contrast.adjusted:.2g})"


def contrasted(comparison: Comparison, channel: str) -> list[str]:
    """Return tables of the contrasts that were named: in every cell for two, in every row for one and many others."""
    rivals: dict[str, list[str]] = {}
    for first, second in comparison.contrasts:
        rivals.setdefault(first, []).append(second)
    lines = []
    for first, others in rivals.items():
        lines += (
            _in_every_cell(comparison, channel, first, others[0])
            if len(others) == 1
            else _in_every_row(comparison, channel, first, others)
        )
    return lines


def _in_every_row(comparison: Comparison, channel: str, first: str, others: list[str]) -> list[str]:
    rows = []
    for other in others:
        tests = contrasts(comparison, channel, first, other, stratum=ALL_INDEPENDENT)
        rows.append([other, *(f"{_difference_text(each)} ({each.adjusted:.2g})" for each in tests)])
    thefts = [each.theft for each in tests]
    return [
        f"AUC of `{first}` minus that of each of the others, against all independent models, with p after Holm's "
        f"correction for the {len(thefts)} kinds of theft ({_test(comparison)}). `*`: at most {LEVEL:g}:\n",
        markdown_table([f"`{first}` minus", *thefts], rows),
    ]


def _in_every_cell(comparison: Comparison, channel: str, first: str, second: str) -> list[str]:
    tests = contrasts(comparison, channel, first, second)
    strata = list(dict.fromkeys(each.stratum for each in tests))
    thefts = list(dict.fromkeys(each.theft for each in tests))
    by_cell = {(each.theft, each.stratum): each for each in tests}
    rows = [
        [
            theft,
            *(_contrast_text(by_cell[theft, s]) if (theft, s) in by_cell else "" for s in strata),
        ]
        for theft in thefts
    ]
    return [
        f"AUC of `{first}` minus that of `{second}` in every cell, with p after Holm's correction for {len(tests)} "
        f"cells ({_test(comparison)}). The interval also holds large differences, and is wider than the test needs:\n",
        markdown_table(["", *strata], rows),
    ]
