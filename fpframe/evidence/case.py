"""`Case`: the folder of a commitment: the signed root, the leaves that nobody else needs to see, and the log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from fpframe.base import (
    MOST_OF_TEXT,
    Leaf,
    canonical_json,
    merkle_root,
    parse_json,
    read_file,
    why_unread,
)
from fpframe.errors import UsageError
from fpframe.evidence.envelope import MOST_OF_ENVELOPE
from fpframe.evidence.log import Log
from fpframe.evidence.refusal import EvidenceError
from fpframe.evidence.statement import Statement, read_statement
from fpframe.store import write_durably

#: The kind of the statement that fixes a root.
COMMITMENT_KIND = "urn:fpframe:commitment:1"
#: What a commitment is called as a subject of statements.
COMMITMENT = "commitment"
ENVELOPE_FILE, LEAVES_FILE, LOG_FILE = "commitment.dsse.json", "leaves.json", "log.jsonl"


@attrs.frozen(kw_only=True)
class Case:
    """What a claimant keeps of a commitment.

    Attributes:
        folder: where it lies.
        envelope: the signed statement, as a file.
        leaves: what was committed to, with the salts.
        how: how victim and data were named then, for the next command; it is no part of the commitment.
        log: the enrolments that were tried.
    """

    folder: Path
    envelope: bytes
    leaves: tuple[Leaf, ...]
    how: Mapping[str, Any]
    log: Log

    @property
    def root(self) -> str:
        """The commitment, in hexadecimal."""
        return self.log.root

    @property
    def statement(self) -> Statement:
        """What was signed."""
        return read_statement(self.envelope, kind=COMMITMENT_KIND)

    def write(self) -> None:
        """Write the whole folder.

        Raises:
            ResourceError: it cannot be written.
        """
        told = {"version": 1, "leaves": [leaf.to_dict() for leaf in self.leaves], "how": dict(self.how)}
        write_durably(self.folder / LEAVES_FILE, (canonical_json(told) + "\n").encode())
        write_durably(self.folder / LOG_FILE, self.log.to_bytes())
        write_durably(self.folder / ENVELOPE_FILE, self.envelope)

    def with_log(self, log: Log) -> Case:
        """Return the case with another log, which is written at once."""
        write_durably(self.folder / LOG_FILE, log.to_bytes())
        return attrs.evolve(self, log=log)

    @classmethod
    def open(cls, folder: str | Path) -> Case:
        """Read the folder of a case; the signature, the leaves and the log have to fit one another.

        Raises:
            UsageError: there is no such folder.
            EvidenceError: something in it was changed.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise UsageError(f"no such case ({folder}); make one with 'fpframe commit'")
        envelope = read_evidence(folder / ENVELOPE_FILE, most=MOST_OF_ENVELOPE)
        root = committed_root(read_statement(envelope, kind=COMMITMENT_KIND))
        leaves, how = _leaves(read_evidence(folder / LEAVES_FILE))
        if merkle_root([leaf.digest for leaf in leaves]).hex() != root:
            raise EvidenceError("commitment-differs", "the leaves of the case do not give the root that was signed")
        log = Log.parse(read_evidence(folder / LOG_FILE), root=root)
        return cls(folder=folder, envelope=envelope, leaves=leaves, how=how, log=log)


def committed_root(statement: Statement) -> str:
    """Return the root that a statement of a commitment fixes.

    Raises:
        EvidenceError: it is about something else.
    """
    about = [subject.sha256 for subject in statement.subjects if subject.name == COMMITMENT]
    if len(about) != 1 or len(statement.subjects) != 1:
        raise EvidenceError("subject-differs", "the statement is not about one commitment")
    return about[0]


def read_evidence(path: Path, *, most: int = MOST_OF_TEXT) -> bytes:
    """Return the bytes of a file of evidence.

    Raises:
        EvidenceError: it is missing, too large, or no regular file.
    """
    try:
        return read_file(path, most=most, follow=False)
    except FileNotFoundError as error:
        raise EvidenceError("member-missing", f"'{path.name}' is missing ({path.parent})") from error
    except (OSError, ValueError) as error:
        raise EvidenceError("member-damaged", f"'{path.name}' cannot be read: {why_unread(error)} ({path})") from error


def _leaves(content: bytes) -> tuple[tuple[Leaf, ...], Mapping[str, Any]]:
    try:
        stored = parse_json(content)
        if not isinstance(stored, dict) or set(stored) != {"version", "leaves", "how"} or stored["version"] != 1:
            raise ValueError("it has other entries than the leaves of a case, or is of another release")
        if not isinstance(stored["leaves"], list) or not stored["leaves"] or not isinstance(stored["how"], dict):
            raise ValueError("it has no leaves")
        return tuple(map(Leaf.read, stored["leaves"])), stored["how"]
    except ValueError as error:
        raise EvidenceError("member-damaged", f"'{LEAVES_FILE}' is damaged: {error}") from error
