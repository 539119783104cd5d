"""Times in UTC, written to the second, such as ``2026-12-01T12:00:00Z``."""

from __future__ import annotations

import datetime
import re


def now() -> datetime.datetime:
    """Return the time in UTC, to the second, as the clock of this machine shows it."""
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def write_time(moment: datetime.datetime) -> str:
    """Return a time as text."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_time(text: object) -> datetime.datetime:
    """Return the time of what `write_time` wrote.

    Raises:
        ValueError: it is written in another way.
    """
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text):
        raise ValueError(f"a time is written as in 2026-12-01T12:00:00Z (got {str(text)[:40]!r})")
    return datetime.datetime.fromisoformat(text)
