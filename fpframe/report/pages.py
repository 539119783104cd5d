"""`page`: a template of HTML, filled in; the same bytes for the same values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

import jinja2

from fpframe.report.tables import number, p_text


def page(template: str, filters: Mapping[str, Callable[..., Any]], **values: Any) -> str:
    """Return a page; what it is given is escaped, and a name that is missing is an error.

    Args:
        template: its file in ``templates``.
        filters: by name, besides ``number`` and ``p``.
        values: what the template names; ``version`` is that of fpframe.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fpframe.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"number": number, "p": p_text, **filters}
    return environment.get_template(template).render(**values, version=metadata.version("fpframe"))
