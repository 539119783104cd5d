"""A limit on the time of something that may never end."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: A component on the bench's small images takes a second at most.
SECONDS = 30.0
#: Of threads that work under a limit.
NAME = "fpframe-check"


def in_time(work: Callable[[], T], *, seconds: float | None = None) -> T:
    """Return what `work` returns.

    A thread cannot be stopped from outside: what does not end in time is left running, and ends with the process.

    Raises:
        AssertionError: it takes longer than `seconds`.
    """
    limit = SECONDS if seconds is None else seconds
    made: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            made.append(work())
        except BaseException as error:  # it is raised again below
            raised.append(error)

    within = contextvars.copy_context()  # a thread begins without the context of its caller
    thread = threading.Thread(target=within.run, args=(run,), daemon=True, name=NAME)
    thread.start()
    thread.join(limit)
    if thread.is_alive():
        raise AssertionError(f"it does not end within {limit:g} seconds; bound the number of steps")
    if raised:
        raise raised[0]
    return made[0]
