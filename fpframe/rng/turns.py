"""`Turns`: a lock that threads get in the order in which they asked for it."""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """A queue of threads; the first in it has its turn.

    An ordinary lock would do, except that a holder who lets go may take it again at once: the others would hardly ever
    get it.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[int] = deque()

    @property
    def wanted(self) -> bool:
        """Whether somebody waits behind the thread whose turn it is."""
        return len(self._queue) > 1

    def take(self) -> None:
        """Wait for this thread's turn. A thread that has its turn must not ask for another."""
        mine = threading.get_ident()
        with self._changed:
            self._queue.append(mine)
            try:
                self._changed.wait_for(lambda: self._queue[0] == mine)
            except BaseException:  # interrupted: those behind must not wait for this thread
                self._queue.remove(mine)
                self._changed.notify_all()
                raise

    def give(self) -> None:
        """End this thread's turn."""
        with self._changed:
            self._queue.popleft()
            self._changed.notify_all()
