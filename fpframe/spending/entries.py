"""The file of a ledger: lines of JSON, some of them with the bytes of an answer behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import attrs

from fpframe.base import canonical_json, parse_json

#: Raised when a ledger is written otherwise.
FORMAT = 1


@attrs.frozen
class Entry:
    """One entry.

    Attributes:
        said: what it says.
        body_at: where in the file the bytes of the answer begin.
        end: where the next entry begins.
    """

    said: dict[str, Any]
    body_at: int
    end: int


def written(said: dict[str, Any], body: bytes = b"") -> bytes:
    """Return an entry as bytes."""
    if body:
        return f"{canonical_json({**said, 'bytes': len(body)})}\n".encode() + body + b"\n"
    return f"{canonical_json(said)}\n".encode()


def entries(file: BinaryIO, start: int = 0) -> Iterator[Entry]:
    """Yield the entries of a file from a place on; the last one is left out where it is not whole.

    Raises:
        ValueError: there is something else.
    """
    file.seek(0, 2)
    size, at = file.tell(), start
    while at < size:
        file.seek(at)
        line = file.readline()
        if not line.endswith(b"\n"):
            return
        said = parse_json(line)
        length = said.get("bytes", 0) if isinstance(said, dict) else None
        if not isinstance(length, int) or length < 0:
            raise ValueError("it has a line that is not an entry of a ledger")
        body_at = at + len(line)
        end = body_at + length + (1 if length else 0)
        if end > size:
            return
        yield Entry(said, body_at, end)
        at = end
