"""The forms in which a library's network is built: unchanged, or changed in ways that its address names.

Not a plugin: both libraries of backbones use it. A form changes what weights mean and leaves their shapes alone, or
nearly so; without a name, weights of one form would load into another without a word.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import fpframe
from fpframe.base import UNCHANGED, split_form, with_form
from fpframe.errors import nearest


def read_form(address: str, allowed: Mapping[str, Collection[str]]) -> dict[str, str] | None:
    """Return what the form of an address changes, by name; ``None`` for a bare address, which lets the source choose.

    Args:
        address: with its prefix.
        allowed: the values of each name; none where it takes a size in pixels, such as ``64`` or ``64x48``.

    Raises:
        UsageError: there is no such form.
    """
    _, form = split_form(address)
    if not form:
        if address.endswith("()") or "(" in address:
            raise fpframe.UsageError(f"'{address}' names no form; {_known(allowed)}")
        return None
    changes: dict[str, str] = {}
    for piece in [] if form == UNCHANGED else form.split(","):
        key, _, value = piece.strip().partition("=")
        if key not in allowed:
            raise fpframe.UsageError(
                f"'{address}' names an unknown form '{key}'{nearest(key, allowed)}; {_known(allowed)}"
            )
        if not (value in allowed[key] if allowed[key] else _is_size(value)) or key in changes:
            raise fpframe.UsageError(f"'{address}' gives '{key}' as '{value}'; {_known(allowed)}")
        changes[key] = value
    return changes


def write_form(changes: Mapping[str, str]) -> str:
    """Return the form that `read_form` reads."""
    return ",".join(f"{key}={value}" for key, value in changes.items()) or UNCHANGED


def write_size(height: int, width: int) -> str:
    """Return a size in pixels, as one number where it is square."""
    return str(height) if height == width else f"{height}x{width}"


def read_size(text: str) -> tuple[int, int]:
    """Return height and width of a size in pixels."""
    height, _, width = text.partition("x")
    return int(height), int(width or height)


def unchanged(name: str) -> str:
    """Return the name of an architecture as its library builds it; one that names its form already stays."""
    return name if "(" in name else with_form(name, UNCHANGED)


def _is_size(text: str) -> bool:
    sides = text.split("x")
    return len(sides) <= 2 and all(side.isascii() and side.isdigit() and int(side) > 0 for side in sides)


def _known(allowed: Mapping[str, Collection[str]]) -> str:
    forms = [f"{key}={value}" for key, values in allowed.items() for value in values or ("PIXELS",)]
    return f"forms are written as ({UNCHANGED}) or with {', '.join(forms)}"
