"""The picture of a corroboration: a row for each layer, with a dot for each independent model."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from markupsafe import Markup

from fpframe.corroboration import Corroboration
from fpframe.report.strips import RADIUS, Scale, element, line, line_across, swarm, text

# pixels
_ROW, _LABEL, _AXIS = 58, 15, 44


def layers_svg(found: Corroboration) -> Markup:
    """Draw how like the layers are: first all together, then each.

    The suspect is a line. Models that are at least as like as the suspect are rings, the others are discs.
    """
    rows = [("all layers", "", found.likeness, tuple(model.likeness for model in found.independents))]
    rows += [(layer.name, "x".join(map(str, layer.shape)), layer.cosine, layer.independents) for layer in found.layers]
    scale = Scale.over([0.0, 1.0, *(value for _, _, own, others in rows for value in (own, *others))])
    bottom = _ROW * len(rows)
    named = {"class": "strips", "role": "img", "aria-label": _words(found)}
    svg = element(None, "svg", width="100%", height=str(bottom + _AXIS), **named)
    for number, (name, shape, own, others) in enumerate(rows):
        _row(svg, number * _ROW, (name, shape), own, others, scale)
    line_across(svg, bottom)
    for tick in scale.ticks:
        line(svg, scale(tick), bottom, bottom + 5, "axis")
        text(svg, scale(tick), bottom + 20, scale.format(tick), "tick", anchor="middle")
    what = "changes from the base" if found.base else "weights"
    text(svg, "50%", bottom + 39, f"cosine of the {what} with the victim's", "axis-label", anchor="middle")
    return Markup(ElementTree.tostring(svg, encoding="unicode"))


def _row(
    svg: ElementTree.Element, top: int, words: tuple[str, str], own: float, others: Sequence[float], scale: Scale
) -> None:
    if top:
        line_across(svg, top)
    name, shape = words
    label = text(svg, "0%", top + _LABEL, name, "name")
    element(label, "tspan", dx="10", **{"class": "count"}).text = f"{shape}  suspect {own:.3f}".strip()
    line(svg, scale(own), top + _LABEL + 4, top + _ROW - 3, "score")
    middle, scores = top + _LABEL + (_ROW - _LABEL) / 2, sorted(others)
    for value, offset in zip(scores, swarm([scale.percent(value) for value in scores]), strict=True):
        kind = "dot" if value < own else "dot high"
        element(svg, "circle", cx=scale(value), cy=f"{middle + offset:g}", r=str(RADIUS), **{"class": kind})


def _words(found: Corroboration) -> str:
    """Say what the picture shows, for those who cannot see it."""
    rows = [
        f"{layer.name}: suspect {layer.cosine:.3f}, independent models up to {max(layer.independents):.3f}"
        for layer in found.layers
    ]
    return f"Strip plot. {found.sentence} {'; '.join(rows)}."
