"""`Log`: which enrolments were tried under a commitment, in lines that each hold the digest of the one before."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import attrs

from fpframe.base import canonical_json, now, parse_json, read_time, write_time
from fpframe.evidence.refusal import EvidenceError

#: Lines of a log at most.
_MOST_LINES = 10_000
_KEYS = {"at", "attempt", "beacon", "enrolment", "event", "previous"}


@attrs.frozen(kw_only=True)
class Entry:
    """One line.

    Attributes:
        event: whether the attempt began, or ended with an enrolment.
        attempt: its number, from 1.
        beacon: the value of the public randomness that it was made with.
        enrolment: digest of what came of it; empty where it began.
        at: when, as the clock of that machine showed it.
    """

    event: Literal["started", "finished"]
    attempt: int
    beacon: str
    enrolment: str
    at: str


@attrs.frozen(kw_only=True)
class Log:
    """All lines of a case.

    Attributes:
        root: the commitment, which the first line refers to.
        entries: the lines in order.
    """

    root: str
    entries: tuple[Entry, ...] = ()

    @property
    def heads(self) -> set[str]:
        """SHA-256 of every line, each of which was the last one once; and the commitment itself."""
        return {self.root, *(hashlib.sha256(line).hexdigest() for line in self._lines())}

    @property
    def head(self) -> str:
        """SHA-256 of the last line, and so of all of them; the commitment itself where there is none."""
        lines = self._lines()
        return hashlib.sha256(lines[-1]).hexdigest() if lines else self.root

    def next_attempt(self, beacon: str, *, allowed: int) -> int:
        """Return the number of the attempt that may be made now: one that did not end is made again.

        Raises:
            EvidenceError: all that are allowed were made, or an earlier one had another beacon.
        """
        for entry in self.entries:
            if entry.beacon != beacon:
                raise EvidenceError(
                    "beacon-differs",
                    f"attempt {entry.attempt} was made with another beacon ({entry.beacon[:16]}...)",
                )
        started = {entry.attempt for entry in self.entries}
        finished = {entry.attempt for entry in self.entries if entry.event == "finished"}
        attempt = min(started - finished, default=len(finished) + 1)
        if attempt > allowed:
            raise EvidenceError(
                "attempts-spent", f"the commitment allows {allowed} enrolment{'s' if allowed > 1 else ''}, all made"
            )
        return attempt

    def with_entry(
        self, event: Literal["started", "finished"], attempt: int, beacon: str, *, enrolment: str = ""
    ) -> Log:
        """Return the log with one more line."""
        entry = Entry(event=event, attempt=attempt, beacon=beacon, enrolment=enrolment, at=write_time(now()))
        return attrs.evolve(self, entries=(*self.entries, entry))

    def to_bytes(self) -> bytes:
        """Return the file."""
        return b"".join(line + b"\n" for line in self._lines())

    @classmethod
    def parse(cls, content: bytes, *, root: str) -> Log:
        """Read a log, whose lines must follow one another from the commitment on.

        Raises:
            EvidenceError: a line is missing, was changed, or does not belong here.
        """
        try:
            lines = content.splitlines()
            if len(lines) > _MOST_LINES:
                raise ValueError(f"it has more than {_MOST_LINES} lines")
            log = cls(root=root, entries=tuple(_entry(parse_json(line)) for line in lines))
            if log.to_bytes() != content:
                raise ValueError("its lines do not follow one another, or are not written as fpframe writes them")
            log._check_order()
        except ValueError as error:
            raise EvidenceError("log-damaged", f"the log of the case was changed: {error}") from error
        return log

    def _check_order(self) -> None:
        last, running = 0, False
        for entry in self.entries:
            begins = entry.event == "started"
            expected = last + 1 if begins and not running else last
            if entry.attempt != expected or begins == bool(entry.enrolment) or not (begins or running):
                raise ValueError(f"attempt {entry.attempt} {entry.event} in the wrong place")
            last, running = entry.attempt, begins

    def _lines(self) -> list[bytes]:
        lines, previous = [], self.root
        for entry in self.entries:
            lines.append(canonical_json({**attrs.asdict(entry), "previous": previous}).encode())
            previous = hashlib.sha256(lines[-1]).hexdigest()
        return lines


def _entry(stored: Any) -> Entry:
    if not isinstance(stored, dict) or set(stored) != _KEYS:
        raise ValueError("a line has other entries than a log's")
    told = {key: stored[key] for key in _KEYS - {"previous"}}
    if type(told["attempt"]) is not int or not all(isinstance(told[key], str) for key in set(told) - {"attempt"}):
        raise ValueError("an entry of a line is of another type")
    if told["event"] not in ("started", "finished"):
        raise ValueError(f"a line tells of '{told['event'][:20]}'")
    read_time(told["at"])
    return Entry(**told)
