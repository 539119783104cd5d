"""How the texts of options become values."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from fpframe.errors import DataError, UsageError, first_line


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


def two(text: str | None, option: str) -> tuple[str, str] | None:
    """Read two names separated by a colon.

    Raises:
        UsageError: these are not two.
    """
    if text is None:
        return None
    first, colon, second = text.partition(":")
    if not (first and colon and second) or first == second:
        raise UsageError(f"{option} takes two schemes, as in residual:akh (got '{text}')")
    return first, second


def read_classes(path: Path | None) -> tuple[str, ...] | None:
    """Read the names of classes, one on each line; empty lines are left out.

    Raises:
        DataError: the file cannot be read, or is not text.
    """
    if path is None:
        return None
    try:
        text = path.read_text(encoding="utf-8-sig") if path.is_file() else None
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot read the classes: {first_line(error)} ({path}); write one name on each line"
        ) from error
    if text is None:
        raise DataError(f"there is no such file of classes ({path}); write one name on each line")
    return tuple(line.strip() for line in text.splitlines() if line.strip())


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
        raise DataError(f"cannot read the victim's indices: {first_line(error)} ({path})") from error
    if not isinstance(indices, np.ndarray):
        raise DataError(f"the victim's indices must be one array in a .npy file ({path})")
    return np.asarray(indices)
