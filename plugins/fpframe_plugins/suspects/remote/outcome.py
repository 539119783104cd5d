"""What came of a request: an answer, something that may be tried again, or an end that says whose turn it is."""

from __future__ import annotations

import email.utils
import math
import time
from collections.abc import Mapping

from fpframe import FpframeError, RefusedQueryError, SuspectUnavailableError
from fpframe_plugins.suspects.remote.client import Reply
from fpframe_plugins.suspects.remote.description import Description
from fpframe_plugins.suspects.remote.reading import excerpt

_KEPT = "what was answered is kept"


class TryAgainError(Exception):
    """A request that may be tried again.

    Attributes:
        after: seconds that the service asks to wait; ``None`` where it says nothing.
        held: whether it asks that of all requests.
    """

    def __init__(self, why: str, *, after: float | None = None, held: bool = False) -> None:
        super().__init__(why)
        self.after, self.held = after, held


def judge(reply: Reply, description: Description, url: str) -> None:
    """Return where a reply of a URL has an answer.

    Raises:
        TryAgainError: it has none, and may have one later.
        SuspectUnavailableError: it has none, and asking again would not help.
        RefusedQueryError: the service takes no such request.
    """
    status = reply.status
    if 200 <= status < 300:
        return
    said = f"status {status}; {excerpt(reply.body)}"
    if status in (401, 403, 407):
        raise SuspectUnavailableError(f"the service does not accept the key ({url}, {said}); check its headers")
    if status == 402:
        raise SuspectUnavailableError(f"the service wants to be paid ({url}, {said}); pay, then go on with --resume")
    if 300 <= status < 400:
        to = "".join(letter for letter in reply.headers.get("location", "elsewhere")[:200] if letter.isprintable())
        raise SuspectUnavailableError(
            f"the service sends you to {to}, where nothing was sent ({url}, status {status}); if you trust that place, "
            "name it as the address"
        )
    after = retry_after(reply.headers)
    if status in description.patience.statuses:
        if after is not None and after > description.patience.wait:
            raise later(after, url, status)
        held = status == 429 or (status == 503 and after is not None)
        raise TryAgainError(f"the service answers with {said}", after=after, held=held)
    if status in (404, 405, 410):
        raise SuspectUnavailableError(f"there is no such service ({url}, {said}); check its address")
    if status < 500:
        raise RefusedQueryError(f"the service refuses the request ({url}, {said}); look at it with 'fpframe probe'")
    raise SuspectUnavailableError(f"the service failed ({url}, {said}); go on later with --resume")


def later(seconds: float, url: str, status: int) -> FpframeError:
    """Return the error that a service asks to come back when nobody waits for that."""
    at = time.strftime("%Y-%m-%d %H:%M", time.localtime(time.time() + min(seconds, 366 * 86400)))
    return SuspectUnavailableError(
        f"the service asks to wait {_time(seconds)} ({url}, status {status}); {_KEPT}: run the same command with "
        f"--resume after {at}"
    )


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"


def gave_up(error: TryAgainError, tries: int, url: str, why: str = "") -> FpframeError:
    """Return the error that a request was tried in vain."""
    times = "once" if tries == 1 else f"{tries} times"
    return SuspectUnavailableError(
        f"{error}, after it was tried {times}{why} ({url}); {_KEPT}: go on later with --resume"
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a service asks to wait, given as such or as a date; ``None`` where it does not."""
    said = headers.get("retry-after", "").strip()
    if not said:
        return None
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(said).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
