"""How the answers of a suspect were read, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fpframe.models import Reading


def reading_text(settings: Mapping[str, Any]) -> str:
    """Return how answers were read, of ``settings.reading`` of a verdict, with what was done and what is doubted."""
    reading = Reading.from_dict(settings)
    converted = f"; {reading.converted}" if reading.converted else ""
    return f"{reading.text}{converted}{'; doubtful: see the caveats' if reading.doubt else ''}"
