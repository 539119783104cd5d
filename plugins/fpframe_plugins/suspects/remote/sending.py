"""`Sender`: send a request until there is an answer to it, and write down each try before and after."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import attrs
import tenacity

from fpframe import SuspectUnavailableError
from fpframe.spending import Ledger, Pace
from fpframe_plugins.suspects.remote.body import Body
from fpframe_plugins.suspects.remote.client import Client, LostError, Reply, TooLargeError, UntrustedError
from fpframe_plugins.suspects.remote.description import Description
from fpframe_plugins.suspects.remote.outcome import TryAgainError, gave_up, judge
from fpframe_plugins.suspects.remote.reading import UnfitError

#: Tries before the first answer, when the description is the likeliest fault; and tries in vain that a run may begin
#: with, to which each answer adds one.
_FIRST_TRIES, _VAIN = 5, 20


@attrs.frozen(kw_only=True)
class Asked:
    """What one request asks.

    Attributes:
        url: where it goes.
        find: takes out of the bytes of an answer what it says; raises `UnfitError`.
        at: place of its first image among all that are asked.
        images: digests of its images.
        body: of the request; ``None`` where it asks for what is at the URL.
        price: what it costs.
        key: the same for all tries of it; empty where none is sent.
        what: what it asks for, where that is nothing about images.
    """

    url: str
    find: Callable[[bytes], Any]
    at: int
    images: Sequence[str] = ()
    body: Body | None = None
    price: Decimal = Decimal(0)
    key: str = ""
    what: str = ""


class Sender:
    """Send requests to one service; several threads may.

    Args:
        client: the way to it.
        description: how it is asked.
        ledger: where each try is written down.
        pace: how fast it is asked.
    """

    def __init__(self, client: Client, description: Description, ledger: Ledger, pace: Pace) -> None:
        self._client, self._description, self._ledger, self._pace = client, description, ledger, pace
        self._until = time.monotonic() + description.patience.total
        self._lock = threading.Lock()
        self._vain = _VAIN
        self._answers = 0
        self.last: Reply | None = None
        #: Set to end all waiting, so that each thread ends with the request that it is at.
        self.ended = threading.Event()

    def send(self, asked: Asked) -> Any:
        """Return what is answered to a request.

        Raises:
            SuspectUnavailableError: there is no answer.
            RefusedQueryError: the service takes no such request.
            ResourceError: it would cost more than may be spent.
        """
        patience = self._description.patience
        usual = tenacity.wait_random_exponential(multiplier=patience.first, max=patience.longest)

        def wait(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked_for = error.after if isinstance(error, TryAgainError) else None
            return usual(state) if asked_for is None else max(asked_for, 0.01)

        retrying = tenacity.Retrying(
            stop=lambda state: state.attempt_number >= self._tries,
            wait=wait,
            retry=tenacity.retry_if_exception(self._may_again),
            sleep=self._sleep,
            reraise=True,
        )
        number = 0

        def one_try() -> Any:
            nonlocal number
            number += 1
            return self._try(asked, number)

        try:
            return retrying(one_try)
        except TryAgainError as error:
            why = "" if number >= self._tries else ", with too many requests in vain"
            raise gave_up(error, number, asked.url, why) from error

    def _sleep(self, seconds: float) -> None:
        self.ended.wait(seconds)

    @property
    def _tries(self) -> int:
        most = self._description.patience.tries
        return most if self._answers else min(_FIRST_TRIES, most)

    def _try(self, asked: Asked, number: int) -> Any:
        self._pace.wait()
        if self.ended.is_set():
            raise SuspectUnavailableError(f"the questioning was ended ({asked.url}); go on with --resume")
        if time.monotonic() > self._until:
            raise SuspectUnavailableError(
                f"the service was asked for {self._description.patience.total:g} s ({asked.url}); go on "
                "with --resume, or raise patience.total"
            )
        name = self._description.idempotency
        sent = self._ledger.sending(asked.at, asked.images, price=asked.price, tries=number, what=asked.what)
        try:
            reply = self._client.send(asked.body, asked.url, headers={name: asked.key} if name and asked.key else None)
        except LostError as error:
            self._ledger.failed(sent, str(error))
            raise TryAgainError(f"the service could not be reached: {error}") from error
        except (TooLargeError, UntrustedError) as error:
            self._ledger.failed(sent, str(error))
            raise SuspectUnavailableError(_refused(error, asked.url)) from error
        except BaseException:
            self._ledger.failed(sent, "interrupted")
            raise
        return self._judged(asked, sent, reply)

    def _judged(self, asked: Asked, sent: int, reply: Reply) -> Any:
        self.last = reply
        facts = {"status": reply.status, "seconds": reply.seconds, **reply.facts}
        try:
            judge(reply, self._description, asked.url)
            said = asked.find(reply.body)
        except UnfitError as error:
            self._ledger.failed(sent, str(error), **facts)
            raise TryAgainError(f"the service gave {error}") from error
        except TryAgainError as error:
            self._ledger.failed(sent, str(error), **facts)
            if error.held and error.after is not None:
                self._pace.hold(error.after)
            raise
        except Exception as error:
            self._ledger.failed(sent, str(error), **facts)
            raise
        self._ledger.answered(sent, reply.body, **facts)
        if not asked.what:
            with self._lock:
                self._answers += 1
                self._vain += 1
        return said

    def _may_again(self, error: BaseException) -> bool:
        if not isinstance(error, TryAgainError):
            return False
        with self._lock:
            self._vain -= 1
            return self._vain >= 0


def _refused(error: Exception, url: str) -> str:
    if isinstance(error, UntrustedError):
        return f"the service's certificate is not valid: {error} ({url}); name its authority as 'certificates'"
    return f"the service gave {error} ({url}); raise 'most' in its description if that is right"
