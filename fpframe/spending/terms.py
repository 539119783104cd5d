"""`Terms`: on which terms a service may be asked: how fast, how much at once, and for how much money."""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs

from fpframe.errors import UsageError
from fpframe.parameters import number, whole

_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def _sizes(given: Iterable[int]) -> tuple[int, ...]:
    return tuple(given)  # JSON has lists alone


@attrs.frozen(kw_only=True)
class Terms:
    """On which terms a service may be asked. Suspects that are not services know none of them.

    Attributes:
        rate: most requests per second; ``None`` for as many as the description of the service allows.
        budget: most money that may be spent on what is sent, in the currency of the service's price; ``None`` for any.
        parallel: most requests under way at once; ``None`` for as many as the description of the service allows.
        ledger: path of the file in which every request is written down; empty keeps it in memory.
        resume: whether to go on where an earlier run ended, of which there is a ledger.
        questions: digest of what will be asked, by which a ledger is known.
        planned: how many images will be asked each time, in order, if nothing stops early, so that what the budget
            cannot pay for is refused beforehand. Images of different times share no request.
    """

    rate: float | None = attrs.field(default=None, validator=number(low=0, open_low=True, optional=True))
    budget: float | None = attrs.field(default=None, validator=number(low=0, optional=True))
    parallel: int | None = attrs.field(default=None, validator=whole(low=1, optional=True))
    ledger: str = ""
    resume: bool = False
    questions: str = ""
    planned: tuple[int, ...] = attrs.field(
        default=(), converter=_sizes, validator=attrs.validators.deep_iterable(whole(low=0))
    )


def per_second(text: str) -> float:
    """Return a rate such as ``2/s``, ``30/min`` or ``1000/d`` as a number per second.

    Raises:
        UsageError: it is none.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*/\s*(s|min|h|d)\s*", text)
    if not found or not float(found[1]):
        raise UsageError(
            f"'{text}' is not a rate; write requests per second, minute, hour or day, such as 2/s or 30/min"
        )
    return float(found[1]) / _UNITS[found[2]]
