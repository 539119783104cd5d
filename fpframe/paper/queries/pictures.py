"""Curves over the number of fingerprints and of points."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from fpframe.comparison import ALL_THEFTS, KINDS
from fpframe.paper.laboratory import BASELINE, CONTROL, UAP
from fpframe.paper.queries.strength import Strength
from fpframe.report import PALETTE, open_axes, svg_text

_BLACK, _GREY = "#000000", "#777777"
#: Below this nobody tells p-values apart; they are drawn at the edge.
_LEAST = 1e-12


def areas_over_fingerprints(curves: Sequence[Strength], queries: int) -> str:
    """Draw the AUC by kind of theft against the number of fingerprints, of so many queries each."""

    def place(each: Strength) -> float:
        return each.queries / queries

    figure, axes = open_axes(7.6, 4.8)
    _areas(axes, curves, place)
    axes.set_xlabel(f"fingerprints ({queries} queries each; {BASELINE}: as many queries)")
    _finish(figure, axes, [place(each) for each in curves if each.scheme == UAP])
    return svg_text(figure)


def areas_over_points(curves: Sequence[Strength]) -> str:
    """Draw the AUC by kind of theft against the points of a fingerprint."""

    def place(each: Strength) -> float:
        return each.points

    figure, axes = open_axes(7.6, 4.8)
    _areas(axes, [each for each in curves if each.scheme != BASELINE], place)
    axes.set_xlabel(f"points N of a fingerprint ({curves[0].fingerprints} fingerprints)")
    _finish(figure, axes, [place(each) for each in curves])
    return svg_text(figure)


def p_values(curves: Sequence[Strength], headline: float) -> str:
    """Draw the median p-values over all thefts, claimed and conformal, against the number of fingerprints."""
    figure, axes = open_axes(7.6, 4.8)
    for scheme, style in ((UAP, "-"), (CONTROL, "--")):
        chosen = [each for each in curves if (each.scheme, each.kind) == (scheme, ALL_THEFTS)]
        several = [each for each in chosen if each.fingerprints > 1]
        thefts = chosen[0].area.derived
        for name, colour, kept, values in (
            ("t-test over views claims", PALETTE[1], several, [each.claimed for each in several]),
            ("conformal, over models", PALETTE[0], chosen, [each.honest for each in chosen]),
        ):
            places = [each.fingerprints for each in kept]
            heights = [max(value, _LEAST) for value in values]
            label = f"{name}, {scheme} (n = {thefts})"
            axes.plot(places, heights, style, color=colour, marker="o", markersize=4, linewidth=1.6, label=label)
    floor = curves[0].floor
    axes.axhline(floor, color=_GREY, linewidth=1, linestyle=":", label=f"floor of the conformal p-value ({floor:.2g})")
    axes.axhline(headline, color=_BLACK, linewidth=1, linestyle="-.", label=f"the paper's headline ({headline:g})")
    axes.set_yscale("log")
    axes.set_ylim(_LEAST / 3, 2)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set(xlabel="fingerprints", ylabel=f"p-value, median over thefts\n(below {_LEAST:g} at the edge)")
    _finish(figure, axes, [each.fingerprints for each in curves if each.scheme == UAP])
    return svg_text(figure)


def _areas(axes: Axes, curves: Sequence[Strength], place: Callable[[Strength], float]) -> None:
    lines = [(UAP, kind, colour, "-") for kind, colour in zip(KINDS, PALETTE[1:], strict=False)]
    lines += [(UAP, ALL_THEFTS, _BLACK, "-"), (CONTROL, ALL_THEFTS, _GREY, "--"), (BASELINE, ALL_THEFTS, _GREY, ":")]
    for scheme, kind, colour, style in lines:
        chosen = sorted((each for each in curves if (each.scheme, each.kind) == (scheme, kind)), key=place)
        if chosen:
            areas = [each.area.auc for each in chosen]
            label = f"{kind if scheme == UAP else f'{scheme}, {kind}'} (n = {chosen[0].area.derived})"
            width = 2.4 if kind == ALL_THEFTS else 1.4
            places = [place(each) for each in chosen]
            axes.plot(places, areas, style, color=colour, marker="o", markersize=4, linewidth=width, label=label)
    axes.set_ylabel(f"AUC against {curves[0].area.independent} independent models")


def _finish(figure: Figure, axes: Axes, places: Sequence[float]) -> None:
    """Scale the horizontal axis so that the first few steps have room, and put the legend outside."""
    axes.set_xscale("log")
    ticks = sorted(set(places))
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False, handlelength=3)
