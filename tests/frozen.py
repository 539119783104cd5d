"""The frozen enrolment of format 2 in tests: what an earlier release wrote, with the answers of four suspects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "data" / "format-2"
ENROLMENT = FOLDER / "victim.enrolment"
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())


def answers(suspect: str) -> Path:
    """Return the file of recorded answers of a suspect."""
    return FOLDER / f"{suspect}.npz"
