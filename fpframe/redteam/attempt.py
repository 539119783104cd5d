"""`Attempt`: something that a malicious owner tries, and what the protocol should say to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from fpframe.redteam.stage import Stage

#: What a reader of the bundle learns: it does not hold, it holds with a warning, or nothing is said.
Answer = Literal["refused", "marked", "nothing", "not played"]


@attrs.frozen(kw_only=True)
class Said:
    """What the protocol said.

    Attributes:
        answer: whether it refused, marked, or said nothing.
        code: why, for a program; empty where nothing was said.
        text: the same for a person.
    """

    answer: Answer
    code: str = ""
    text: str = ""


@attrs.frozen(kw_only=True)
class Attempt:
    """One trick.

    Attributes:
        name: what it is called.
        what: what the owner does, for a person.
        expected: the codes of which one must be the answer; empty where a bundle cannot show it.
        act: plays it.
        needs: what is needed to play it: ``authority`` for one that stamps, ``shipped`` for an encoder that ships with
            fpframe.
        instead: what does show it, where a bundle cannot.
    """

    name: str
    what: str
    act: Callable[[Stage], Said]
    expected: tuple[str, ...] = ()
    needs: Literal["", "authority", "shipped"] = ""
    instead: str = ""


@attrs.frozen(kw_only=True)
class Result:
    """What came of an attempt.

    Attributes:
        attempt: the attempt.
        said: what the protocol said.
    """

    attempt: Attempt
    said: Said

    @property
    def missed(self) -> bool:
        """Whether it should have been answered, and was not, or with another code."""
        return (
            self.said.answer != "not played"
            and bool(self.attempt.expected)
            and self.said.code not in (self.attempt.expected)
        )

    def to_dict(self) -> dict[str, str | bool | list[str]]:
        """Return it as JSON-able data."""
        return {
            "name": self.attempt.name,
            "what": self.attempt.what,
            "expected": list(self.attempt.expected),
            "answer": self.said.answer,
            "code": self.said.code,
            "text": self.said.text,
            "instead": self.attempt.instead,
            "missed": self.missed,
        }
