"""`Service`: asks one service images, several requests at once, and recalls what an earlier run was answered."""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe.models import image_digests
from fpframe.opening import normaliser
from fpframe.spending import Coming, Ledger, Pace, Preview
from fpframe_plugins.suspects.remote.body import Input, body_of, check_template
from fpframe_plugins.suspects.remote.client import Client
from fpframe_plugins.suspects.remote.description import Description
from fpframe_plugins.suspects.remote.metadata import read_input
from fpframe_plugins.suspects.remote.reading import AnswerPath
from fpframe_plugins.suspects.remote.secret import Secrets
from fpframe_plugins.suspects.remote.sending import Asked, Sender

#: Letters of a body that a preview shows.
_SHOWN = 400
#: Requests that wait for the disk together.
_TOGETHER = 16
#: The place in the ledger of what is asked before any image.
_BEFORE = -1


class Service:
    """One service, as its description says.

    Attributes:
        images: how many images a request holds at most.
    """

    def __init__(self, description: Description, request: fpframe.SuspectRequest) -> None:
        """Open it. Nothing is sent.

        Raises:
            UsageError: a secret is missing, another run asks this service, or there is a budget and no price.
            ResourceError: the budget does not pay for what is planned.
            ValueError: the description contradicts itself.
        """
        self._description = description
        self._secrets = Secrets(description.headers, request.address)
        self._template = check_template(description.request, description.images)
        self._path = AnswerPath.of(description.answer)
        self._prepare = normaliser(request)
        self.images = min(description.images, request.batch_size)
        terms = request.terms
        if terms.budget is not None and description.price_of is None:
            raise fpframe.UsageError(
                f"a budget holds nothing where no price is known ({request.address}); write [price] into the "
                "description of the service, or cap images with --max-queries"
            )
        self._parallel = min(terms.parallel or description.parallel, 64)
        self._client = Client(description, self._secrets, connections=self._parallel)
        self._ledger = Ledger(terms, self._about(request), most_images=request.max_queries)
        rates = [rate for rate in (terms.rate, description.rate) if rate]
        since = time.time() - self._ledger.account.last_sent
        last = time.monotonic() - since if self._ledger.account.last_sent and since >= 0 else None
        pace = Pace(min(rates) if rates else None, last=last, sleep=self._sleep)
        self._sender = Sender(self._client, description, self._ledger, pace)
        self._asked = 0
        self._input: Input | None = None
        self._reading_input = threading.Lock()
        try:
            self._require(terms.planned)
        except BaseException:
            self.close()  # whoever catches this may open it again at once
            raise

    @property
    def answered(self) -> int:
        """How many images were answered."""
        return self._ledger.account.answered

    @property
    def spending(self) -> str:
        """What was sent and spent so far, in a few words."""
        return self._ledger.account.spending

    def evidence(self) -> dict[str, Any]:
        """Return which service answered, and when."""
        return self._ledger.account.evidence()

    @property
    def last_answer(self) -> str:
        """The beginning of the last answer, with its status; empty before the first."""
        reply = self._sender.last
        return "" if reply is None else f"status {reply.status}: {reply.body[:_SHOWN].decode('utf-8', 'replace')}"

    def preview(self, pixels: Tensor) -> Preview:
        """Return what would be sent for pixels ``(N, C, H, W)``."""
        body = body_of(self._prepare(pixels), self._description.request, self._template, self._input or Input())
        price = self._description.price
        cost = self._price(len(pixels), requests=1)
        return Preview(
            method=self._description.method,
            url=self._description.url,
            headers={"content-type": body.kind, **self._secrets.shown},
            body=body.shown(_SHOWN),
            body_bytes=len(body.content),
            images=len(pixels),
            price=f"{cost} {price.currency}".rstrip() if self._description.price_of else "",
            before=self._description.metadata,
        )

    def ask(self, batch: Tensor) -> Any:
        """Return what is answered to one batch."""
        return next(self.ask_all([batch]))

    def ask_all(self, batches: Iterable[Tensor]) -> Iterator[Any]:
        """Yield what is answered to batches of pixels ``(N, C, H, W)``, each in one request, in their order."""
        coming = self._announced(batches)
        if self._parallel == 1:
            for batch, one in coming:
                yield self._answered(batch, one)
            return
        pool = ThreadPoolExecutor(self._parallel, thread_name_prefix="fpframe-ask")
        waiting: deque[Future[Any]] = deque()
        try:
            for batch, one in coming:
                waiting.append(pool.submit(self._answered, batch, one))
                if len(waiting) >= 2 * self._parallel:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except (Exception, GeneratorExit):
            for future in waiting:
                future.cancel()
            pool.shutdown(wait=True)  # what is under way is paid for, so its answer is kept
            raise
        except BaseException:
            self.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()

    def close(self) -> None:
        """Close connections and ledger; another run may have it then."""
        self._client.close()
        self._ledger.close()

    def stop(self) -> None:
        """Let nothing more be sent; what is under way ends with its answer."""
        self._sender.ended.set()

    def _announced(self, batches: Iterable[Tensor]) -> Iterator[tuple[Tensor, Coming]]:
        """Yield batches with what will be sent for them, once the ledger has it."""
        left = iter(batches)
        while some := list(itertools.islice(left, _TOGETHER)):
            coming = [self._coming(batch) for batch in some]
            self._ledger.announce([one for one in coming if not self._ledger.has_answer(one.at)])
            yield from zip(some, coming, strict=True)

    def _coming(self, batch: Tensor) -> Coming:
        at = self._asked
        self._asked += len(batch)
        images = tuple(digest.hex() for digest in image_digests((batch * 255).round().to(torch.uint8)))
        return Coming(at=at, images=images, price=self._price(len(batch), requests=1))

    def _answered(self, batch: Tensor, coming: Coming) -> Any:
        kept = self._ledger.recall(coming.at, coming.images)
        if kept is not None:
            return self._path.find(kept)
        body = body_of(self._prepare(batch), self._description.request, self._template, self._known_input())
        key = ""
        if self._description.idempotency:
            said = f"{self._ledger.account.about} {coming.at} {coming.images}"
            key = hashlib.sha256(said.encode()).hexdigest()[:32]
        return self._sender.send(
            Asked(
                url=self._description.url,
                find=self._path.find,
                at=coming.at,
                images=coming.images,
                body=body,
                price=coming.price,
                key=key,
            )
        )

    def _known_input(self) -> Input:
        """Return what the service says of its input; it is asked once, however many requests wait for that."""
        with self._reading_input:
            if self._input is None:
                self._input = self._read_input() if self._description.metadata else Input()
            return self._input

    def _read_input(self) -> Input:
        kept = self._ledger.recall(_BEFORE, ())
        if kept is not None:
            return read_input(kept)
        asked = Asked(url=self._description.metadata, find=read_input, at=_BEFORE, what="inputs")
        try:
            told: Input = self._sender.send(asked)
        except fpframe.RefusedQueryError as error:  # no image was sent, so it refused none
            raise fpframe.SuspectUnavailableError(f"the service does not tell its inputs: {error}") from error
        return told

    def _require(self, planned: Sequence[int]) -> None:
        """Make sure that what is planned, and was not answered yet, may be sent.

        Raises:
            ResourceError: the budget does not pay for it, or with what was sent again it is more than may be sent.
        """
        at = requests = images = 0
        for count in planned:
            for start in range(0, count, self.images):
                size = min(self.images, count - start)
                if not self._ledger.has_answer(at):
                    requests, images = requests + 1, images + size
                at += size
        resumed = bool(self._ledger.account.images)  # before anything was sent, whoever asks has looked at images alone
        self._ledger.require(self._price(images, requests=requests), images if resumed else 0)

    def _price(self, images: int, *, requests: int) -> Decimal:
        price = self._description.price
        return requests * Decimal(str(price.request)) + images * Decimal(str(price.image))

    def _sleep(self, seconds: float) -> None:
        if self._sender.ended.wait(seconds):
            raise fpframe.SuspectUnavailableError("the questioning was ended; go on with --resume")

    def _about(self, request: fpframe.SuspectRequest) -> dict[str, Any]:
        said = attrs.asdict(self._description)
        for name in ("patience", "rate", "parallel", "most"):  # which change nothing of what is answered
            del said[name]
        return {
            "address": request.address,
            "questions": request.terms.questions,
            "images": self.images,
            "price": self._description.price_of,
            "service": said,
        }
