"""Read a scheme from a TOML file: a fingerprint method of one's own, without a plugin."""

from __future__ import annotations

from pathlib import Path

from fpframe.base import make_converter, parse_text, read_text
from fpframe.interfaces import ComponentSpec, Part, Scheme

_CONVERTER = make_converter((ComponentSpec, Part, Scheme))


def load_scheme(path: str | Path) -> Scheme:
    """Read a scheme strictly: unknown keys and wrong types are refused.

    Components are looked up when the scheme is used.

    Raises:
        RecipeError: the file cannot be read, or its content is not a scheme; names the key and what is wrong with it.
    """
    return parse_text(read_text(path, "scheme"), Scheme, _CONVERTER, what="scheme", origin=str(path))
