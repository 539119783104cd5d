"""`Account`: what was sent to a service, what came back and what it cost, added up over the entries of a ledger."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import attrs

#: Different values of one kind that evidence names; a service may send another one with every answer.
_MOST = 32


@attrs.define(kw_only=True)
class Account:
    """What was sent to a service, and what came of it.

    Attributes:
        about: what the ledger is of: the service, the questions, the price.
        requests: how many requests were sent, or begun to be.
        images: how many images they held; one that was sent twice counts twice.
        answered: how many images were answered.
        money: what the requests cost, whether they were answered or not.
        outcomes: how often each came back: a status of HTTP, or why there was none.
        last_sent: wall-clock time of the last request, in seconds since 1970; 0 before the first.
    """

    about: dict[str, Any] = attrs.field(factory=dict)
    requests: int = 0
    images: int = 0
    answered: int = 0
    money: Decimal = Decimal(0)
    outcomes: Counter[str] = attrs.field(factory=Counter)
    last_sent: float = 0.0
    _open: dict[int, dict[str, Any]] = attrs.field(factory=dict)
    _answers: list[dict[str, Any]] = attrs.field(factory=list)
    _seen: dict[str, dict[str, None]] = attrs.field(factory=dict)

    def add(self, entry: dict[str, Any]) -> None:
        """Add one entry of a ledger.

        Raises:
            KeyError: it is none.
            TypeError: the same.
            ValueError: the same.
        """
        if "began" in entry or "announced" in entry:
            return  # neither was sent by that
        if "sent" in entry:
            self.requests += 1
            self.images += len(entry["images"])
            self.money += Decimal(entry["price"])
            self.last_sent = float(entry["wall"])
            self._open[int(entry["sent"])] = entry
            return
        number = int(entry["got"] if "got" in entry else entry["failed"])
        sent = self._open.pop(number)
        self.outcomes[str(entry.get("status") or entry.get("why", ""))] += 1
        for kind in ("address", "certificate"):
            self._see(kind, entry.get(kind))
        for name, value in entry.get("headers", {}).items():
            self._see(f"header {name}", value)
        if "got" in entry:
            self.answered += len(sent["images"])
            self._answers.append(
                {
                    "at": sent["at"],
                    "images": len(sent["images"]),
                    "try": sent["try"],
                    "sent": sent["wall"],
                    "clock": sent["clock"],
                    "seconds": entry["seconds"],
                    "request_id": entry.get("request_id", ""),
                    "sha256": entry["sha256"],
                    **({"what": sent["what"]} if "what" in sent else {}),
                }
            )

    def sent_as(self, number: int) -> dict[str, Any]:
        """Return what was written down of a request that is under way, before it was sent."""
        return self._open[number]

    @property
    def spending(self) -> str:
        """What was sent and spent, in a few words."""
        price = self.about.get("price") or {}
        again = self.images - self.answered
        words = f"{self.images} image{'' if self.images == 1 else 's'} sent" + (
            f", {again} of them in vain or under way" if again else ""
        )
        return f"{words}, {self.money} {price.get('currency', '')} spent".rstrip() if self.money else words

    def evidence(self) -> dict[str, Any]:
        """Return what a third party needs to see which service answered, and when, as JSON-able data."""
        return {
            "about": self.about,
            "requests": self.requests,
            "images": self.images,
            "money": str(self.money),
            "outcomes": dict(self.outcomes),
            "seen": {kind: list(values) for kind, values in sorted(self._seen.items())},
            "answers": list(self._answers),
        }

    def _see(self, kind: str, value: Any) -> None:
        if value:
            values = self._seen.setdefault(kind, {})
            if len(values) < _MOST:
                values[str(value)] = None
