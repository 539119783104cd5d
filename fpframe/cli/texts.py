"""How the texts of options become values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fpframe.errors import DataError, UsageError

if TYPE_CHECKING:
    import numpy as np

#: Bytes of a file of indices at most: a hundred million of them.
_MOST_OF_INDICES = 8 * 10**8


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


def one_or_two(text: str | None, option: str) -> tuple[str, ...] | None:
    """Read one name, or two that a colon separates.

    Raises:
        UsageError: these are not one or two.
    """
    if text is None:
        return None
    names = tuple(text.split(":"))
    if not all(names) or len(set(names)) < len(names) or len(names) > 2:
        raise UsageError(
            f"{option} takes two schemes, as in residual:akh, or one that is tested against each of the others (got "
            f"'{text}')"
        )
    return names


def read_classes(path: Path | None) -> tuple[str, ...] | None:
    """Read the names of classes, one on each line, or a ``.json`` file with a list or a map; empty lines are left out.

    Raises:
        DataError: the file cannot be read, or does not name all classes.
    """
    from fpframe.base import MOST_OF_TEXT, read_file, why_unread
    from fpframe.models.classes import read_class_list

    if path is None:
        return None
    if path.suffix.lower() == ".json":
        told = read_class_list(path)
        if len(told.names) < max(len(told.said), 1):
            raise DataError(f"not all classes have a name ({path}); name each in the victim's order")
        return told.names
    try:
        text = read_file(path, most=MOST_OF_TEXT).decode("utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(f"there is no such file of classes ({path}); write one name on each line") from error
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot read the classes: {why_unread(error)} ({path}); write one name on each line"
        ) from error
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def read_indices(path: Path | None) -> np.ndarray | None:
    """Read a ``.npy`` file of indices.

    Raises:
        DataError: it is missing or not such a file.
    """
    from fpframe.base import read_array, why_unread

    if path is None:
        return None
    try:
        return read_array(path, most=_MOST_OF_INDICES)
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot read the victim's indices: {why_unread(error)} ({path}); save them with numpy.save"
        ) from error
