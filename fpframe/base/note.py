"""`Note`: one thing that the reader of a verdict should know, as a code for programs and as sentences for people."""

from __future__ import annotations

import re
from typing import Any

import attrs


@attrs.frozen
class Note:
    """A reason why there is no verdict, or a caveat of one.

    Attributes:
        code: a stable word for programs, in lower case with hyphens; `fpframe.base.REASONS` and `fpframe.base.CAVEATS`
            list those of fpframe.
        text: whole sentences for a person; their wording may change with every release.

    Raises:
        ValueError: the code is not such a word, or the text is blank.
    """

    code: str = attrs.field(validator=attrs.validators.matches_re(r"[a-z][a-z0-9]*(-[a-z0-9]+)*"))
    text: str = attrs.field(validator=attrs.validators.matches_re(r"\S(.*\S)?", flags=re.DOTALL))

    def to_dict(self) -> dict[str, str]:
        """Return the note as JSON-able data."""
        return {"code": self.code, "text": self.text}

    @classmethod
    def read(cls, stored: Any, *, bare: str) -> Note:
        """Return a note from JSON data.

        Args:
            stored: what `to_dict` returned, or a bare sentence from somebody who gives no codes.
            bare: the code of a bare sentence.

        Raises:
            ValueError: it is neither.
        """
        return cls(bare, stored) if isinstance(stored, str) else cls.from_dict(stored)

    @classmethod
    def from_dict(cls, stored: Any) -> Note:
        """Return the note of what `to_dict` returned.

        Raises:
            ValueError: it is something else.
        """
        if not isinstance(stored, dict) or set(stored) != {"code", "text"}:
            raise ValueError(f"a note is a sentence, or has 'code' and 'text' (got {stored!r})")
        try:
            return cls(**stored)
        except TypeError as error:
            raise ValueError(f"code and text of a note are texts (got {stored!r})") from error
