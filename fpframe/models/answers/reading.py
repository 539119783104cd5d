"""`Reading`: how the answers of a suspect were read, and why, as plain data for verdicts and transcripts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from fpframe.base import Note
from fpframe.models.answers.kinds import CALLED, Outputs

_TEXTS = ("evidence", "converted", "doubt")


@attrs.frozen(kw_only=True)
class Reading:
    """How the answers of a suspect were read, and why.

    Attributes:
        kind: as what they were read.
        told: whether somebody said so, so that it was not found out from the answers.
        evidence: what the first answers look like, in words.
        converted: what was done to make probabilities of them, in words; empty where nothing unusual was.
        doubt: what speaks against it, in words; empty for nothing.
    """

    kind: Outputs
    told: bool
    evidence: str
    converted: str = ""
    doubt: str = ""

    @property
    def notes(self) -> tuple[Note, ...]:
        """What the reader of a verdict should know of it."""
        notes = []
        if self.converted:
            notes.append(Note("answers-converted", f"The answers were converted: {self.converted}."))
        if self.doubt:
            because = " because that was said" if self.told else ""
            remedy = (
                "Leave --outputs out to see as what they are read" if self.told else "Say what they are with --outputs"
            )
            text = f"The answers were read as {CALLED[self.kind]}{because}, but {self.doubt}. {remedy}."
            notes.append(Note("outputs-doubted", text))
        return tuple(notes)

    @property
    def text(self) -> str:
        """The reading in a few words, such as ``percentages (values from 0 to 100, rows sum to 100)``."""
        said = "as was said; " if self.told else ""
        return f"{CALLED[self.kind]} ({said}{self.evidence})"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        return attrs.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Reading:
        """Return the reading of what `to_dict` returned.

        Raises:
            ValueError: it is something else.
        """
        names = {field.name for field in attrs.fields(cls)}
        known = isinstance(data, Mapping) and set(data) == names
        texts = known and all(isinstance(data[name], str) for name in _TEXTS)
        if not texts or data["kind"] not in CALLED or not isinstance(data["told"], bool):
            raise ValueError(f"this does not say how answers were read: {data!r}")
        return cls(**data)
