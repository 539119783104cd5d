"""How the answers of a suspect were read, and its classes taken, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fpframe.models import Reading


def reading_text(settings: Mapping[str, Any]) -> str:
    """Return how answers were read, of ``settings.reading`` of a verdict, with what was done and what is doubted."""
    reading = Reading.from_dict(settings)
    converted = f"; {reading.converted}" if reading.converted else ""
    return f"{reading.text}{converted}{'; doubtful: see the caveats' if reading.doubt else ''}"


def classes_text(settings: Mapping[str, Any]) -> str:
    """Return how the classes of a suspect were taken, of ``settings.classes`` of a verdict."""
    return f"compared on {settings['shared']} of {settings['victim']} classes, {_HOW[settings['how']]}"


_HOW = {
    "order": "in the victim's order",
    "named": "as they were named",
    "own": "as the suspect's own files name them",
    "matched": "as labelled images show them",
}
