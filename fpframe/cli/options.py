"""Options that several subcommands share, and how their texts become values."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from fpframe.errors import DataError, UsageError


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
