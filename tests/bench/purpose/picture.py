"""Draw the AUC over the size of a perturbation."""

from __future__ import annotations

from collections.abc import Sequence

from deltas import BOTH, kinds
from matplotlib.figure import Figure

from fpframe.report.drawing import PALETTE, svg_text

_READERS = {"probs": "probabilities read by residual", "top1": "labels compared"}
#: The control is grey, and perturbations that were made from the victim have colours.
_CONTROL = "random signs"


def sizes_svg(rows: Sequence[dict[str, str]]) -> str:
    """Return a panel for each channel and way to choose points: one line for each kind, and one for natural images."""
    panels = list(dict.fromkeys((row["channel"], row["points"]) for row in rows))
    figure = Figure(figsize=(7.6, 6.4), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True)
    areas = {(row["channel"], row["points"], row["query"]): _area(row) for row in rows}
    names = [name for name in dict.fromkeys(kind.name for kind in kinds() if kind.epsilon) if BOTH not in name]
    for place, (channel, way) in zip(axes.flat, panels, strict=True):
        place.axhline(areas[channel, way, "natural images"], color="#444444", linewidth=1, linestyle="--")
        colours = {name: PALETTE[number] for number, name in enumerate(name for name in names if name != _CONTROL)}
        for name in names:
            steps = [kind.epsilon for kind in kinds() if kind.name == name]
            place.plot(
                steps,
                [areas[channel, way, f"{name} {step}"] for step in steps],
                marker="o",
                markersize=4,
                color=colours.get(name, "#999999"),
                label=name if place is axes.flat[0] else None,
            )
        place.set_title(f"{_READERS[channel]}, points {way}", fontsize=9)
        place.set_xscale("log", base=2)
        place.set_xticks([2, 4, 8, 16, 32], ["2", "4", "8", "16", "32"])
        place.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("bound of the perturbation, in steps of 1/255 (dashed: natural images)", fontsize=9)
    figure.supylabel("AUC, all thefts against all independent models", fontsize=9)
    figure.legend(loc="outside upper center", ncols=4, fontsize=8, frameon=False)
    return svg_text(figure)


def _area(row: dict[str, str]) -> float:
    return float(next(value for name, value in row.items() if name.startswith("all thefts")).split()[0])
