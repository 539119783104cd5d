"""Options that several subcommands share, and how their texts become values."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fpframe.errors import DataError, UsageError

if TYPE_CHECKING:
    from fpframe.enrolment import Enrolment


def default_workers() -> int:
    """Return one worker for each core that this process may use, at most eight."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(8, cores)


def require_workers(workers: int | None) -> int:
    """Return the number of workers.

    Raises:
        UsageError: it is below one.
    """
    if workers is not None and workers < 1:
        raise UsageError(f"--workers must be at least 1 (got {workers})")
    return workers or default_workers()


def numbers(text: str | None, option: str) -> tuple[float, ...] | None:
    """Read numbers separated by commas.

    Raises:
        UsageError: one of them is not a number.
    """
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"{option} takes numbers separated by commas, such as 0.5,0.5,0.5 (got '{text}')") from error


def listed(text: str) -> list[str]:
    """Read names separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def whole_numbers(text: str | None, option: str) -> tuple[int, ...]:
    """Read whole numbers separated by commas; none where there is no text.

    Raises:
        UsageError: one of them is not a whole number.
    """
    try:
        return tuple(int(part) for part in listed(text or ""))
    except ValueError as error:
        raise UsageError(f"{option} takes whole numbers separated by commas, such as 100,300 (got '{text}')") from error


def read_indices(path: Path | None) -> np.ndarray | None:
    """Read a ``.npy`` file of indices.

    Raises:
        DataError: it is missing or not such a file.
    """
    if path is None:
        return None
    try:
        indices: Any = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"cannot read the victim's indices: {str(error).splitlines()[0]} ({path})") from error
    if not isinstance(indices, np.ndarray):
        raise DataError(f"the victim's indices must be one array in a .npy file ({path})")
    return np.asarray(indices)


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
