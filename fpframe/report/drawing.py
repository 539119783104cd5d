"""What all pictures share: colours, their meaning, and SVG text that is the same for the same data."""

from __future__ import annotations

import io
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fpframe.zoo import ZooModel

#: Colour-blind safe (Okabe and Ito): derived, independent, extracted from another teacher, victim.
COLOURS = {"derived": "#D55E00", "independent": "#0072B2", "other-teacher": "#56B4E9", "victim": "#000000"}
#: For lines of equal standing, from the same palette.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
LABELS = {
    "derived": "derived from the victim",
    "independent": "independent, without a teacher",
    "other-teacher": "independent, of another teacher",
    "victim": "the victim",
}


def drawn_as(model: ZooModel) -> str:
    """Return which of `COLOURS` a derived or independent model is drawn in."""
    return model.stratum if model.stratum == "other-teacher" else model.relation


def open_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure of that many inches with one pair of axes, which are open above and on the right."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def svg_text(figure: Figure) -> str:
    """Return a figure as SVG text that is the same, byte for byte, for the same figure."""
    # without a salt and with a date, equal pictures would differ; text stays text, so that it can be searched
    settings: Any = {"svg.hashsalt": "fpframe", "svg.fonttype": "none"}
    with mpl.rc_context(settings):
        content = io.StringIO()
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return content.getvalue()
