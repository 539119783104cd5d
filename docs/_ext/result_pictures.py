"""Draw the pictures of ``docs/results`` that no command writes, from the tables that lie beside them.

``python docs/_ext/result_pictures.py`` writes them again after a table has changed.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt

FOLDER = Path(__file__).parents[1] / "results"
_INTERVAL = re.compile(r"([\d.]+) \[([\d.]+), ([\d.]+)\]")


def rows_of(name: str) -> list[dict[str, str]]:
    """Return the rows of a table by the names of its columns."""
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def t_test() -> Any:
    """Share of innocent models that each test accuses, in each channel."""
    shown = [("conformal", "0.1"), ("welch", "0.1"), ("welch", "0.0001")]
    table = {(row["test"], row["level"]): row for row in rows_of("t-test-accused")}
    channels = ["probs", "rounded:2", "rounded:1", "top1"]
    figure, axes = plt.subplots(figsize=(6.4, 3), layout="constrained")
    for number, key in enumerate(shown):
        heights = [float(table[key][channel].split(" ")[0]) for channel in channels]
        where = [place + (number - 1) * 0.26 for place in range(len(channels))]
        axes.bar(where, heights, width=0.24, label=f"{key[0]} at level {key[1]}")
    axes.set_xticks(range(len(channels)), channels)
    axes.set_ylabel("share of innocent models accused")
    axes.set_ylim(0, 0.33)
    axes.legend(ncols=3, fontsize=8)
    return figure


def cross_fit() -> Any:
    """AUC against all independent models at 300 queries, by kind of theft, of two schemes."""
    table = rows_of("cross-fit-sizes-probs")
    return _intervals(
        [row["channel probs"] for row in table],
        {scheme: [row[f"{scheme}@300"] for row in table] for scheme in ("residual", "akh")},
    )


def other_images() -> Any:
    """AUC of thefts with other images against all independent models, by scheme, in two channels."""
    schemes = ["uap-contrastive", "lap-contrastive", "akh", "residual"]
    found = {}
    for channel in ("probs", "top1"):
        table = rows_of(f"other-images-auc-{channel}")
        [row] = [row for row in table if (row["derived"], row["independent"]) == ("all thefts", "all independent")]
        found[channel] = [row[scheme] for scheme in schemes]
    return _intervals(schemes, found)


def _intervals(labels: list[str], series: dict[str, list[str]]) -> Any:
    """Draw a row of points with intervals for each label; cells read ``0.9 [0.8, 1.0]``."""
    figure, axes = plt.subplots(figsize=(6.4, 0.45 * len(labels) + 1), layout="constrained")
    for number, (name, cells) in enumerate(series.items()):
        read = [[float(part) for part in match.groups()] for match in map(_INTERVAL.match, cells) if match]
        middle = [value for value, _, _ in read]
        spread = [[value - low for value, low, _ in read], [high - value for value, _, high in read]]
        places = [place + (number - (len(series) - 1) / 2) * 0.25 for place in range(len(labels))]
        axes.errorbar(middle, places, xerr=spread, fmt="o", capsize=3, label=name)
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.set_xlabel("AUC, with 95 % interval")
    axes.axvline(0.5, color="grey", linestyle=":")
    axes.legend(loc="lower left")
    return figure


def zoo_small() -> Any:
    """Accuracy of every model of the zoo, and how often it gives the victim's label."""
    figure, axes = plt.subplots(figsize=(6.4, 4), layout="constrained")
    models = rows_of("zoo-small-models")
    for relation, marker in (("independent", "o"), ("derived", "^")):
        chosen = [model for model in models if model["relation"].startswith(relation)]
        across, up = ([float(model[key]) for model in chosen] for key in ("agreement", "accuracy"))
        axes.scatter(across, up, marker=marker, s=18, alpha=0.6, label=relation)
    axes.set_xlabel("agreement with the victim")
    axes.set_ylabel("accuracy")
    axes.legend()
    return figure


def residual() -> Any:
    """AUC against the kind of theft that is found worst, with one part of the scheme replaced."""
    figure, axes = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
    name = ""
    for row in rows_of("residual-parts"):
        name = row["points + encoder"] or name
        sizes = ["100", "300", "1000"]
        label = f"{name.partition(':')[0]}, {row['channel']}"
        axes.plot(sizes, [float(row[size]) for size in sizes], marker="o", label=label)
    axes.set_xlabel("queries")
    axes.set_ylabel("AUC of the worst kind of theft")
    axes.legend(fontsize=7)
    return figure


PICTURES = {
    "t-test": t_test,
    "cross-fit": cross_fit,
    "other-images": other_images,
    "zoo-small": zoo_small,
    "residual-parts": residual,
}


def main() -> None:
    """Write all pictures; the same tables give the same bytes with one version of matplotlib."""
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "fpframe"
    for name, draw in PICTURES.items():
        draw().savefig(FOLDER / f"{name}.svg", metadata={"Date": None})
        plt.close("all")


if __name__ == "__main__":
    main()
