"""Where commands write, what they refuse to overwrite, and what they say of an enrolment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fpframe.errors import UsageError

if TYPE_CHECKING:
    from fpframe.enrolment import Enrolment


def refuse_file(path: Path, *, force: bool) -> None:
    """Refuse to overwrite a file.

    Raises:
        UsageError: it exists and `force` is not set, or it is a folder.
    """
    if path.is_dir():
        raise UsageError(f"output is a folder ({path}); name a file")
    if path.exists() and not force:
        raise UsageError(f"output exists already ({path}); name another file, or overwrite it with --force")


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
