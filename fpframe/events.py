"""Progress as plain records: the library is silent, the caller decides what to show.

A listener is any callable that takes an `Event`. Long work calls it often; an exception that it raises
travels up to the caller, which is how work is cancelled.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

import attrs

log = logging.getLogger("fpframe")


@attrs.frozen(kw_only=True)
class Event:
    """One step of progress.

    Attributes:
        task: what is being done, in words for a person; steps of one task share it.
        kind: ``step`` (progress of `task`), ``note`` (one line for the reader), ``detail`` (for ``-v``).
        done: finished units.
        total: units in all, or ``None`` when unknown.
        text: the line of a note or detail.
    """

    task: str
    kind: Literal["step", "note", "detail"] = "step"
    done: int = 0
    total: int | None = None
    text: str = ""


Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Take an event and do nothing: the default listener."""
