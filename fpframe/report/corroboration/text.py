"""Corroborations as plain text for a terminal."""

from __future__ import annotations

import math

from fpframe.corroboration import Corroboration
from fpframe.report.tables import columns, number, p_text

#: What the p-value is and what it is not; said with each.
CAUTION = (
    "This p-value counts the independent models that you named; that of a verdict by answers does not change. "
    "Students, which learned from the victim's answers, have weights of their own and are not found in this way."
)


def corroboration_text(found: Corroboration) -> str:
    """Return what was found, its layers, and what should be known of it."""
    lines = [found.suspect["address"], f"  {found.sentence}"]
    if found.result is not None:
        result = found.result
        highest = f"highest of {result.n} independent models {number(result.highest)}"
        p_values = f"p {p_text(result.p)}, smallest possible {p_text(result.floor)}"
        lines += [
            f"  likeness {number(found.likeness)}, {highest}, {p_values}",
            f"  channels in the victim's own place: {percent(found.in_place)}",
            *(f"  {line}" for line in columns(layer_rows(found))),
        ]
    remarks = [f"- {remark.text}" for remark in found.remarks]
    return "\n".join([*lines, "", *remarks, CAUTION])


def layer_rows(found: Corroboration) -> list[list[str]]:
    """Return what is said of each layer, as rows under a heading."""
    rows = [["layer", "shape", "found by", "cosine", "equal", "independent, highest"]]
    for layer in found.layers:
        shape = "x".join(map(str, layer.shape))
        highest = number(max(layer.independents, default=math.nan))
        rows.append([layer.name, shape, layer.found, number(layer.cosine), percent(layer.equal), highest])
    return rows


def percent(share: float) -> str:
    """Return a share in percent; a dash where there is none."""
    return f"{100 * share:.1f} %" if math.isfinite(share) else "-"
