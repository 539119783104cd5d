"""Corroborations as one page of HTML: no network, no script, and the same bytes for the same data."""

from __future__ import annotations

from importlib import metadata

import jinja2

from fpframe.corroboration import Corroboration
from fpframe.report.corroboration.picture import layers_svg
from fpframe.report.corroboration.text import CAUTION, percent
from fpframe.report.tables import number, p_text


def corroboration_html(found: Corroboration) -> str:
    """Return a page on what the weights of a suspect say."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fpframe.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"number": number, "p": p_text, "percent": percent}
    return environment.get_template("corroboration.html").render(
        found=found,
        picture="" if found.result is None else layers_svg(found),
        caution=CAUTION,
        version=metadata.version("fpframe"),
    )
