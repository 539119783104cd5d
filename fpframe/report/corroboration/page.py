"""Corroborations as one page of HTML: no network, no script, and the same bytes for the same data."""

from __future__ import annotations

from fpframe.corroboration import Corroboration
from fpframe.report.corroboration.picture import layers_svg
from fpframe.report.corroboration.text import CAUTION, percent
from fpframe.report.pages import page


def corroboration_html(found: Corroboration) -> str:
    """Return a page on what the weights of a suspect say."""
    return page(
        "corroboration.html",
        {"percent": percent},
        found=found,
        picture="" if found.result is None else layers_svg(found),
        caution=CAUTION,
    )
