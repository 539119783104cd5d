"""`Finding`: what came of looking at one part of a bundle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

import attrs

from fpframe.errors import FpframeError
from fpframe.evidence.refusal import EvidenceError

#: It holds; it does not; nobody could look; it holds, and the reader should know something.
State = Literal["good", "refused", "not checked", "marked"]
T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Finding:
    """What came of looking at one part.

    Attributes:
        part: which part.
        state: what came of it.
        text: what was found, for a person.
        code: why it is refused or marked, for a program; empty otherwise.
    """

    part: str
    state: State
    text: str
    code: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return it as JSON-able data."""
        return {key: str(value) for key, value in attrs.asdict(self).items()}


@attrs.define
class Findings:
    """Everything that was found so far.

    Attributes:
        found: in order.
    """

    found: list[Finding] = attrs.field(factory=list)

    def add(self, part: str, state: State, text: str, code: str = "") -> None:
        """Write down what was found."""
        self.found.append(Finding(part=part, state=state, text=text, code=code))

    def look(self, part: str, at: Callable[[], T]) -> T | None:
        """Return what a look gives; what it refuses is written down, and ``None`` comes back."""
        try:
            return at()
        except EvidenceError as error:
            self.add(part, "refused", error.reason, error.code)
        except FpframeError as error:  # a member that was damaged and signed all the same
            self.add(part, "refused", str(error), "member-damaged")
        return None

    @property
    def refused(self) -> bool:
        """Whether anything does not hold."""
        return any(finding.state == "refused" for finding in self.found)
