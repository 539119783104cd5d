"""What commands say of an enrolment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpframe.enrolment import Enrolment


def describe_enrolment(enrolment: Enrolment, path: Path) -> str:
    """Return what an enrolment consists of, and what a verdict by it rests on, as lines for a terminal."""
    calibrated = ", ".join(f"{count} {name}" for name, count in enrolment.calibration.counts.items())
    filters = ", ".join(name for name in enrolment.calibration.answers if name)
    lines = [
        f"{path}: victim {enrolment.victim['address']} (accuracy {enrolment.victim['accuracy']:.3f}); "
        f"{enrolment.scheme}, {enrolment.queries.queries} queries, channels {', '.join(enrolment.encoders)}; "
        f"calibrated on {calibrated}" + (f"; also through {filters}" if filters else "")
    ]
    return "\n".join([*lines, f"  digest {enrolment.digest}", *(f"  {note.text}" for note in enrolment.caveats)])
