"""Run work in this process, one item after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

State = TypeVar("State")
Item = TypeVar("Item")
Result = TypeVar("Result")


def run_inline(
    work: Callable[[State, Item], Result],
    items: Iterable[Item],
    *,
    state: State,
    on_done: Callable[[Item, Result], None],
) -> None:
    """Call ``work(state, item)`` for each item, and `on_done` with its result."""
    for item in items:
        on_done(item, work(state, item))
