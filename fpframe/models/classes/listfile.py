"""Read a file that names classes: a name on each line, or JSON."""

from __future__ import annotations

from pathlib import Path

from fpframe.base import MOST_OF_TEXT, parse_json, read_file, why_unread
from fpframe.errors import DataError, UsageError, first_line
from fpframe.models.classes.classlist import ClassList


def read_class_list(path: str | Path) -> ClassList:
    """Read what a file says of classes: ``.json`` in a form of `ClassList.of`, anything else a name on each line.

    Raises:
        DataError: the file cannot be read, is not such a file, or names a class twice.
    """
    path = Path(path)
    try:
        text = read_file(path, most=MOST_OF_TEXT).decode("utf-8-sig")
        told = ClassList.of(parse_json(text) if path.suffix.lower() == ".json" else _lines(text))
    except FileNotFoundError as error:
        raise DataError(f"there is no such file of classes ({path}); write one name on each line") from error
    except UsageError as error:
        raise DataError(f"the classes cannot be used ({path}): {error}") from error
    except (OSError, ValueError) as error:
        why = why_unread(error) if isinstance(error, OSError) else first_line(error)
        raise DataError(f"cannot read the classes: {why} ({path}); write one name on each line, or JSON") from error
    return told


def _lines(text: str) -> list[str]:
    lines = [line.strip() for line in text.rstrip().splitlines()]
    if not all(lines):
        number = lines.index("") + 1
        # left out, it would move all later names by one
        raise UsageError(f"line {number} is empty; write one name on each line")
    return lines
