"""`Pace`: how fast a service is asked, by however many threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """Keep requests apart, so that no more than a rate are begun, and let all wait when the service asks for it.

    Args:
        rate: most requests per second; ``None`` for any.
        last: when the last request was sent, by `clock`, so that a run that goes on keeps the rate too.
        clock: returns the time in seconds.
        sleep: waits for some seconds; it may raise to end the wait.
    """

    def __init__(
        self,
        rate: float | None,
        *,
        last: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._between = 0.0 if rate is None else 1 / rate
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._free = clock() if last is None else last + self._between
        self._held = self._free - self._between

    def wait(self) -> None:
        """Wait until the next request may be sent, and take that place."""
        with self._lock:
            at = max(self._clock(), self._free, self._held)
            self._free = at + self._between
        while (now := self._clock()) < (until := max(at, self._held)):  # it may be held while somebody waits
            self._sleep(until - now)

    def hold(self, seconds: float) -> None:
        """Let nobody send for some seconds."""
        with self._lock:
            self._held = max(self._held, self._clock() + seconds)
