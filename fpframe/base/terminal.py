"""`printable`: text of others on a terminal, where it must not move the cursor or turn the direction of writing."""

from __future__ import annotations

import unicodedata

#: What stands in our own texts, and spaces of all kinds.
_KEPT = {"\n", "\t"}


def printable(text: str) -> str:
    """Return text in which every letter that a terminal would not show is written as an escape.

    Among these are control characters, the marks that turn the direction of writing, and half letters, which no
    encoding has.
    """
    if text.isprintable():
        return text
    return "".join(letter if _is_shown(letter) else letter.encode("unicode_escape").decode() for letter in text)


def _is_shown(letter: str) -> bool:
    return letter.isprintable() or letter in _KEPT or unicodedata.category(letter) == "Zs"
