"""Refuse an enrolment that is not fit to accuse anybody, unless its owner accepts that by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from fpframe.base import UNFIT, Note
from fpframe.errors import UsageError, nearest


@attrs.frozen
class Unfit:
    """One thing in which an enrolment is not fit to accuse anybody.

    Attributes:
        note: what was found, under a code of `fpframe.base.UNFIT`.
        remedy: what helps, as a part of a sentence.
    """

    note: Note
    remedy: str


def accepted_codes(accept: Iterable[str]) -> frozenset[str]:
    """Return the codes that an owner accepts.

    Raises:
        UsageError: there is no such code; names the nearest one.
    """
    codes = (accept,) if isinstance(accept, str) else tuple(accept)
    for code in codes:
        if code not in UNFIT:
            raise UsageError(f"unknown code '{code}' of an unfit enrolment (--accept-unfit){nearest(code, UNFIT)}")
    return frozenset(codes)


def settle(found: Sequence[Unfit], accept: frozenset[str], *, how: str = "accept it with") -> tuple[Note, ...]:
    """Return what was found and is accepted, as caveats; what follows from something else is not told beside it.

    Args:
        found: in what the enrolment is unfit.
        accept: codes that the owner accepts.
        how: how the owner may accept one, as words before the option.

    Raises:
        UsageError: something was found that is not accepted; names it, and what helps.
    """
    codes = {unfit.note.code for unfit in found}
    explained = frozenset[str]().union(*(UNFIT[code].explains for code in codes))
    told = [unfit for unfit in found if unfit.note.code not in explained]
    refused = [unfit for unfit in told if unfit.note.code not in accept]
    if refused:
        first, *others = refused
        code, text = first.note.code, first.note.text.removesuffix(".")
        more = f" (found too: {', '.join(other.note.code for other in others)})" if others else ""
        raise UsageError(
            f"this enrolment is not fit to accuse anybody: {text[0].lower()}{text[1:]} ({code}){more}; {first.remedy}, "
            f"or {how} --accept-unfit {code}, which every verdict will say"
        )
    return tuple(unfit.note for unfit in told)
