"""`Ledger`: every request to a service, written down before it is sent and after it is answered."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from fpframe.base import canonical_json, parse_json
from fpframe.errors import ResourceError, UsageError
from fpframe.spending.account import Account
from fpframe.spending.boot import boot_id
from fpframe.spending.ledgerfile import LedgerFile, damaged
from fpframe.spending.terms import Terms


@attrs.frozen(kw_only=True)
class _Kept:
    """An answer that lies in the file.

    Attributes:
        images: digests of what it answers.
        start: where its bytes begin.
        length: how many they are.
    """

    images: tuple[str, ...]
    start: int
    length: int


@attrs.frozen(kw_only=True)
class Coming:
    """A request that will be sent.

    Attributes:
        at: place of the first of its images among all that are asked.
        images: their digests.
        price: what it costs.
    """

    at: int
    images: tuple[str, ...]
    price: Decimal


class Ledger:
    """Requests to one service, each on disk before it is sent, and its answer as soon as the disk has taken it.

    A request that was announced is on disk by that, so that several wait for the disk once. That it was sent is written
    when it is, and is there for a later run although this one is killed. If the machine itself goes down, nobody knows
    which of those that were announced were sent, and all of them count.

    What was sent counts against the budget, whatever came of it. Several threads may use one ledger. An answer is found
    again by its place among the images that are asked and by these images, never by the images alone: one that is
    asked a second time is meant to be sent a second time.

    Attributes:
        account: what was sent so far, by earlier runs too.
    """

    def __init__(self, terms: Terms, about: dict[str, Any], *, most_images: int | None = None) -> None:
        """Open a ledger, or begin one.

        Args:
            terms: which file it is in, what may be spent, and whether an earlier run goes on.
            about: what it is of, as JSON-able data.
            most_images: most images that may be sent.

        Raises:
            UsageError: another run has it, or there are answers to something else, or nobody said ``resume``.
            ResourceError: it cannot be written.
        """
        about = parse_json(canonical_json(about))  # as it is read again
        self.account = Account(about=about)
        self._budget = None if terms.budget is None else Decimal(str(terms.budget))
        self._most_images = most_images
        self._kept: dict[int, _Kept] = {}
        self._sent = 0
        self._announced: dict[int, Coming] = {}
        self._mutex = threading.Lock()
        self._file = LedgerFile(Path(terms.ledger)) if terms.ledger else None
        if self._file is not None:
            self._go_on(self._file, about, resume=terms.resume)

    def has_answer(self, at: int) -> bool:
        """Tell whether an earlier run was answered in a place, so that nothing is sent for it again."""
        return at in self._kept

    def recall(self, at: int, images: Sequence[str]) -> bytes | None:
        """Return what was answered by an earlier run; ``None`` where that was not asked.

        Args:
            at: the place of the first of the images among all that are asked.
            images: their digests.

        Raises:
            UsageError: other images were sent in that place.
        """
        kept = self._kept.get(at)
        if kept is None or self._file is None:
            return None
        if kept.images != tuple(images):
            raise UsageError(
                f"other images, or other batches, were sent when the ledger was written ({self._file.path}); use the "
                "same options as then, or remove the file to ask everything anew"
            )
        return self._file.read(kept.start, kept.length)

    def announce(self, coming: Sequence[Coming]) -> None:
        """Write down what will be sent next, as far as it may be; it is on disk then.

        Raises:
            ResourceError: it cannot be written.
        """
        with self._mutex:
            price, images, known = Decimal(0), 0, list[Coming]()
            for request in coming:
                price, images = price + request.price, images + len(request.images)
                if self._lacking(price, images):
                    break
                known.append(request)
            if self._file is not None and len(known) > 1:
                said = [{"at": one.at, "images": list(one.images), "price": str(one.price)} for one in known]
                self._write({"announced": said}, sync=True)
                self._announced.update((one.at, one) for one in known)

    def sending(self, at: int, images: Sequence[str], *, price: Decimal, tries: int = 1, what: str = "") -> int:
        """Write down that images are about to be sent, and return the number of the request when it is on disk.

        Args:
            at: the place of the first of them among all that are asked.
            images: their digests.
            price: what the request costs.
            tries: which try it is.
            what: what is asked, where it is nothing about images.

        Raises:
            ResourceError: the budget or the most images would be exceeded, or it cannot be written.
        """
        with self._mutex:
            self.require(price, len(images))
            known = self._announced.pop(at, None) == Coming(at=at, images=tuple(images), price=price)
            return self._write_sent(at, images, price, tries, sync=not known, **({"what": what} if what else {}))

    def answered(self, number: int, body: bytes, **facts: Any) -> None:
        """Write down what came back for a request; it is on disk before the next one is sent.

        Args:
            number: of the request.
            body: the answer; a ledger in memory does not keep it.
            facts: what is known of it: ``status``, ``seconds``, ``address``, ``certificate``, ``headers``,
                ``request_id``.
        """
        with self._mutex:
            self._write({"got": number, "sha256": hashlib.sha256(body).hexdigest(), **facts}, body)

    def failed(self, number: int, why: str, **facts: Any) -> None:
        """Write down that a request came to nothing."""
        with self._mutex:
            self._write({"failed": number, "why": why, **facts})

    def require(self, price: Decimal, images: int) -> None:
        """Make sure that a price may be spent, and that many images sent.

        Raises:
            ResourceError: they may not; nothing was sent.
        """
        lacking = self._lacking(price, images)
        if lacking:
            raise ResourceError(lacking)

    def _lacking(self, price: Decimal, images: int) -> str:
        """Return why that may not be sent, in words; empty where it may."""
        account = self.account
        if self._budget is not None and account.money + price > self._budget:
            currency = (account.about.get("price") or {}).get("currency", "")
            return (
                f"the budget of {self._budget} {currency}".rstrip() + f" does not pay for {price} more after "
                f"{account.money} that were spent; raise --budget, and say --resume where answers are kept"
            )
        if self._most_images is not None and account.images + images > self._most_images:
            return (
                f"{images} more queries would exceed the {self._most_images} that may be sent, after {account.images} "
                "with those that were sent again; raise --max-queries, and say --resume where answers are kept"
            )
        return ""

    def close(self) -> None:
        """Let others have the file."""
        with self._mutex:
            if self._file is not None:
                self._file.close()

    def _go_on(self, file: LedgerFile, about: dict[str, Any], *, resume: bool) -> None:
        boot, announced = "", dict[int, Coming]()
        try:
            for entry in file.begin(about):
                said = entry.said
                if "began" in said:
                    boot, announced = str(said["began"]), {}
                elif "announced" in said:
                    announced.update((one.at, one) for one in map(_coming, said["announced"]))
                elif "sent" in said:
                    self._sent = max(self._sent, int(said["sent"]))
                    announced.pop(int(said["at"]), None)
                elif "got" in said:
                    sent = self.account.sent_as(int(said["got"]))
                    self._kept[int(sent["at"])] = _Kept(
                        images=tuple(sent["images"]), start=entry.body_at, length=int(said.get("bytes", 0))
                    )
                self.account.add(said)
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            file.close()
            raise damaged(error, file.path) from error
        except BaseException:
            file.close()
            raise
        if self.account.answered and not resume:  # without answers there is nothing to lose, and what was sent counts
            file.close()
            images = "1 image" if self.account.answered == 1 else f"{self.account.answered} images"
            raise UsageError(
                f"the answers to {images} are kept from an earlier run ({self.account.spending}; "
                f"{file.path}); say --resume to go on from there, or remove the file to ask everything anew"
            )

        if not boot or boot != boot_id():  # the machine went down, and with it what was not on the disk yet
            for one in announced.values():
                self.failed(self._write_sent(one.at, one.images, one.price, 0), "nobody knows whether it was sent")
        self._write({"began": boot_id()})

    def _write_sent(
        self, at: int, images: Sequence[str], price: Decimal, tries: int, *, sync: bool = False, **more: str
    ) -> int:
        self._sent += 1
        said = {
            "sent": self._sent,
            "at": at,
            "images": list(images),
            "try": tries,
            "wall": round(time.time(), 6),
            "clock": round(time.monotonic(), 6),
            "price": str(price),
        }
        self._write({**said, **more}, sync=sync)
        return self._sent

    def _write(self, said: dict[str, Any], body: bytes = b"", *, sync: bool = False) -> None:
        if self._file is not None:
            self._file.add(said, body, sync=sync)
        self.account.add(said)


def _coming(said: dict[str, Any]) -> Coming:
    return Coming(at=int(said["at"]), images=tuple(said["images"]), price=Decimal(said["price"]))
