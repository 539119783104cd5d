"""`isolated`: the global generators, seeded for one piece of work, one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fpframe.rng.globalstate import GlobalState, seed_globally
from fpframe.rng.turns import Turns

_turns = Turns()


class _Mine(threading.local):
    """Of this thread: whether it is its turn, and what stands to be restored when its turn ends."""

    turn: bool = False
    found: GlobalState | None = None


_mine = _Mine()


@contextmanager
def isolated(seed: int) -> Iterator[None]:
    """Seed the global generators of torch, numpy and random inside the block, and restore them after it.

    A process has one set of them, so one thread at a time is in such a block, and others wait for it. Blocks may be
    nested. Inside, never wait for another thread that may need such a block itself.
    """
    with _turn():
        found = GlobalState.capture()
        outermost = _mine.found is None
        if outermost:
            _mine.found = found
        try:
            seed_globally(seed)
            yield
        finally:
            if outermost and _mine.found is not None:  # what it found may have changed in `give_way`
                found, _mine.found = _mine.found, None
            if _mine.turn:
                found.restore()


def give_way() -> None:
    """Let the threads go first that wait for `isolated`, then go on where this one was in its random numbers.

    For loops that take long inside such a block. It costs nothing where nobody waits.
    """
    if _mine.found is None or not _turns.wanted:
        return
    mine = GlobalState.capture()
    _mine.found.restore()
    _give()
    _take()
    _mine.found = GlobalState.capture()  # code without such a block may have drawn meanwhile
    mine.restore()


@contextmanager
def _turn() -> Iterator[None]:
    nested = _mine.turn
    if not nested:
        _take()
    try:
        yield
    finally:
        if _mine.turn and not nested:  # waiting in `give_way` may have been interrupted
            _give()


def _take() -> None:
    _turns.take()
    _mine.turn = True


def _give() -> None:
    _mine.turn = False
    _turns.give()
