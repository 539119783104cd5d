"""Progress as plain records: the library is silent, the caller decides what to show.

A listener is any callable that takes an `Event`. Long work calls it often; an exception that it raises
travels up to the caller, which is how work is cancelled.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

import attrs

_log = logging.getLogger("fpframe")


@attrs.frozen(kw_only=True)
class Event:
    """One step of progress.

    Attributes:
        task: what is being done, in words for a person; steps of one task share it.
        kind: ``step`` (progress of `task`), ``note`` (one line for the reader), ``detail`` (for ``-v``).
        done: finished units.
        total: units in all, or ``None`` when unknown.
        text: the line of a note or detail; with a step, what else there is to say of it.
        left: seconds that `task` will still take, or ``None`` when unknown.
    """

    task: str
    kind: Literal["step", "note", "detail"] = "step"
    done: int = 0
    total: int | None = None
    text: str = ""
    left: float | None = None


Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Take an event and do nothing: the default listener."""


def log_events(event: Event) -> None:
    """Hand an event to the logger ``fpframe``: notes as INFO, steps and details as DEBUG."""
    level = logging.INFO if event.kind == "note" else logging.DEBUG
    total = "" if event.total is None else f" of {event.total}"
    _log.log(level, "%s", event.text or f"{event.task}: {event.done}{total}")
