"""`fill`: the text of an experiment's page, from its Markdown template."""

from __future__ import annotations

import re
from typing import Any

import jinja2

from fpframe.report import markdown_table

_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("fpframe.paper"), undefined=jinja2.StrictUndefined, autoescape=False, trim_blocks=True
)
#: Lines of Markdown that stand for themselves; all others are a paragraph's.
_OWN_LINE = re.compile(r"[|#!]|```")


def fill(name: str, **facts: Any) -> str:
    """Return a template of `templates` with facts in it, each paragraph on one line.

    A template may call ``table(header, rows)``.

    Raises:
        jinja2.UndefinedError: the template names a fact that is not given.
    """
    text = _TEMPLATES.get_template(f"{name}.md").render(
        table=lambda header, rows: markdown_table(header, rows).strip(), **facts
    )
    return "\n\n".join(_unwrapped(block) for block in re.split(r"\n\s*\n", text.strip())) + "\n"


def _unwrapped(block: str) -> str:
    lines = block.strip().splitlines()
    return "\n".join(lines) if _OWN_LINE.match(lines[0]) else " ".join(line.strip() for line in lines)
