"""Many files read by a few threads, without a place in memory for each of them.

Not a plugin: `folder` and `datasets` use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")

#: Decoding releases the interpreter lock; more threads than this gain little.
READERS = 4
#: Items that are handed to the threads at once: a pool keeps some kB for each that waits.
_WAITING = 256


def read_each(function: Callable[[Item], Made], items: Sequence[Item]) -> Iterator[Made]:
    """Yield what a function makes of each item, in order; the first error is raised in its place."""
    with ThreadPoolExecutor(READERS) as readers:
        for start in range(0, len(items), _WAITING):
            yield from readers.map(function, items[start : start + _WAITING])
