"""Write what a comparison found: data, tables and pictures."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

from fpframe.base import without_nan
from fpframe.comparison import RECORD, Comparison, areas
from fpframe.report.comparison.pictures import queries_svg, roc_by_theft_svg, scores_svg
from fpframe.report.comparison.tables import comparison_markdown
from fpframe.store import write_durably

_COLUMNS = (
    *("contender", "channel", "theft", "stratum", "n_derived", "n_independent"),
    *("auc", "low", "high", "tpr_at_fpr_0.05", "aruc", "zoos", "sd_between_zoos"),
)


def write_comparison(comparison: Comparison, path: Path) -> str:
    """Write ``result.json``, ``recipe.toml``, ``table.md``, ``cells.csv``, ``scores.csv`` and pictures of each channel.

    Returns:
        The table.

    Raises:
        ResourceError: the disk is full or cannot be written.
    """
    table = comparison_markdown(comparison)
    files = {
        "result.json": json.dumps(without_nan(comparison.to_dict()), indent=1, sort_keys=True, allow_nan=False) + "\n",
        "recipe.toml": comparison.recipe.to_toml(),
        "table.md": table,
        "cells.csv": cells_csv(comparison),
        "scores.csv": scores_csv(comparison),
    }
    for channel in comparison.channels:
        stem = re.sub(r"[^\w.]+", "-", channel)
        files[f"roc-{stem}.svg"] = roc_by_theft_svg(comparison, channel)
        files[f"scores-{stem}.svg"] = scores_svg(comparison, channel)
        files[f"queries-{stem}.svg"] = queries_svg(comparison, channel)
    for name, content in files.items():
        write_durably(path / name, content.encode())
    return table


def cells_csv(comparison: Comparison) -> str:
    """Return every kind of theft against every stratum, by contender and channel, as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for channel in comparison.channels:
        for area in areas(comparison, channel):
            writer.writerow(
                [
                    *(area.contender, area.channel, area.theft, area.stratum, area.n_derived, area.n_independent),
                    *(f"{value:.6f}" for value in (area.auc, *area.interval)),
                    "" if area.power is None else f"{area.power.rate:.6f}",
                    f"{area.aruc:.6f}",
                    len(area.by_zoo),
                    "" if len(area.by_zoo) == 1 else f"{area.spread:.6f}",
                ]
            )
    return text.getvalue()


def scores_csv(comparison: Comparison) -> str:
    """Return the score, p-value and verdict of every model, by contender, seed and channel, as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, RECORD, lineterminator="\n")
    writer.writeheader()
    for row in comparison.records():
        figures = {name: "" if row[name] is None else f"{row[name]:.6f}" for name in ("score", "p_value")}
        writer.writerow({**row, **figures, "failed": int(row["failed"]), "verdict": row["verdict"] or ""})
    return text.getvalue()
