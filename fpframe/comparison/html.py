"""What notebooks show of a comparison."""

from __future__ import annotations

from html import escape

import numpy as np

from fpframe.comparison.cell_areas import ALL_INDEPENDENT, ALL_THEFTS, areas
from fpframe.comparison.records import Comparison

_HEAD = ("scheme", "AUC", "95 % interval", "thefts called derived", "independent called derived", "queries")


def comparison_html(comparison: Comparison) -> str:
    """Return one table for each channel: all thefts against all independent models."""
    return "".join(_channel(comparison, channel) for channel in comparison.channels)


def _channel(comparison: Comparison, channel: str) -> str:
    rows = [
        (
            area.contender,
            f"{area.auc:.3f}",
            f"{area.interval[0]:.3f} to {area.interval[1]:.3f}",
            _called(comparison, area.contender, channel, "derived"),
            _called(comparison, area.contender, channel, "independent"),
            str(next(cost.queries for cost in comparison.costs if cost.contender == area.contender)),
        )
        for area in areas(comparison, channel)
        if (area.theft, area.stratum) == (ALL_THEFTS, ALL_INDEPENDENT)
    ]
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f"<th>{escape(cell)}</th>" for cell in _HEAD)
    alpha = f"{comparison.recipe.alpha:g}"
    caption = f"channel {escape(channel)}, recipe {escape(comparison.recipe.name)}, alpha {alpha}"
    return f"<table><caption>{caption}</caption><tr>{head}</tr>{body}</table>"


def _called(comparison: Comparison, contender: str, channel: str, relation: str) -> str:
    """Return how many models were called derived, as mean over the seeds; a dash where nothing was calibrated."""
    if not comparison.of(contender, channel)[0].verdicts:
        return "-"
    mean = np.mean(comparison.called(contender, channel, relation))
    return f"{mean:.3g} of {len(comparison.rows(relation))}"
