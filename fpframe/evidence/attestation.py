"""`attest`: a signed statement on verdicts, on what was answered, and when, by whoever asked."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs

from fpframe.base import read_time, write_time
from fpframe.enrolment import Enrolment
from fpframe.errors import DataError, UsageError
from fpframe.evidence.keys import PrivateKey, PublicKey
from fpframe.evidence.opened_queries import root_of_queries
from fpframe.evidence.refusal import EvidenceError
from fpframe.evidence.seal import ENROLMENT
from fpframe.evidence.statement import Statement, Subject, read_statement, sign
from fpframe.registry import source_digest
from fpframe.store import write_durably
from fpframe.verification import Unfinished, Verdict

ATTESTATION_KIND = "urn:fpframe:attestation:1"
ATTESTATION_FILE = "attestation.dsse.json"
_KEYS = {"alpha", "code", "finished", "queries", "released", "signer", "started", "unfinished", "verdicts"}


def answers_file(number: int) -> str:
    """Return the name of the file with the answers of a suspect, numbered from 1."""
    return f"answers-{number}.npz"


@attrs.frozen(kw_only=True)
class Attestation:
    """What whoever asked says of verdicts.

    Attributes:
        statement: the statement that was signed.
        verdicts: the verdicts, without transcripts.
        answers: SHA-256 of the file of answers of each.
        alpha: the level of the call.
        started: when the first suspect was opened; nothing was asked before.
        finished: when the last answer was in.
        released: the day on which the suspects were published, as far as whoever asked knows; empty where that is not.
        queries: the root over the queries that were sent, as whoever asked found it; empty where there is none.
    """

    statement: Statement
    verdicts: tuple[Verdict, ...]
    answers: tuple[str, ...]
    alpha: float
    started: datetime.datetime
    finished: datetime.datetime
    released: str
    queries: str

    @property
    def enrolment(self) -> str:
        """The digest of the enrolment that was asked by."""
        return next(subject.sha256 for subject in self.statement.subjects if subject.name == ENROLMENT)

    @classmethod
    def read(cls, content: bytes, *, key: PublicKey | None = None) -> Attestation:
        """Read an attestation, whose signature is checked.

        Raises:
            EvidenceError: it is damaged, not signed, or signed by another key than `key`.
        """
        statement = read_statement(content, kind=ATTESTATION_KIND, key=key)
        told = statement.predicate
        try:
            if set(told) != _KEYS or not isinstance(told["verdicts"], list) or not told["verdicts"]:
                raise ValueError("it has other entries than an attestation")
            if type(told["alpha"]) is not float:
                raise ValueError("its level is not a number")
            made = cls(
                statement=statement,
                verdicts=tuple(Verdict.from_dict(each) for each in told["verdicts"]),
                answers=tuple(each.sha256 for each in statement.subjects if each.name.startswith("answers-")),
                alpha=told["alpha"],
                started=read_time(told["started"]),
                finished=read_time(told["finished"]),
                released=read_day(told["released"]),
                queries=_text(told["queries"]),
            )
            made._check()
        except (ValueError, DataError) as error:
            raise EvidenceError("statement-damaged", f"this is not an attestation: {error}") from error
        return made

    def _check(self) -> None:
        wanted = [*map(_answers_name, range(1, len(self.verdicts) + 1))]
        if [each.name for each in self.statement.subjects] != [ENROLMENT, *wanted]:
            raise ValueError("its subjects are not an enrolment and the answers behind each verdict")
        if any(verdict.enrolment != self.enrolment for verdict in self.verdicts):
            raise ValueError("a verdict is of another enrolment")
        if self.finished < self.started:
            raise ValueError("it ended before it began")


def attest(
    outcomes: Sequence[Verdict | Unfinished],
    enrolment: Enrolment,
    *,
    key: PrivateKey,
    alpha: float,
    times: tuple[datetime.datetime, datetime.datetime],
    out: str | Path,
    released: str = "",
) -> Path:
    """Write a folder with a signed statement on verdicts, and with the answers behind each.

    Args:
        outcomes: what came of each suspect; those without a verdict are only counted.
        enrolment: what they were asked by.
        key: signs the statement.
        alpha: the level of the call.
        times: when the first suspect was opened, and when the last answer was in.
        out: the folder.
        released: the day on which the suspects were published, such as ``2026-12-01``; empty where nobody knows.

    Returns:
        The file of the statement.

    Raises:
        ResourceError: the folder cannot be written to.
        UsageError: the day cannot be read.
    """
    try:
        read_day(released)
    except ValueError as error:
        raise UsageError(f"{error}; write it as 2026-12-01") from error
    folder = Path(out)
    verdicts = [each for each in outcomes if isinstance(each, Verdict)]
    subjects = [Subject(ENROLMENT, enrolment.digest)]
    for number, verdict in enumerate(verdicts, start=1):
        assert verdict.transcript is not None
        path = folder / answers_file(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        verdict.transcript.save(path, force=True)
        subjects.append(Subject(_answers_name(number), hashlib.sha256(path.read_bytes()).hexdigest()))
    said: dict[str, Any] = {
        "alpha": float(alpha),
        "code": {"fpframe": version("fpframe"), "source": source_digest("fpframe")},
        "started": write_time(times[0]),
        "finished": write_time(times[1]),
        "queries": root_of_queries(enrolment),
        "released": released,
        "unfinished": len(outcomes) - len(verdicts),
        "verdicts": [verdict.to_dict() for verdict in verdicts],
    }
    statement = Statement(subjects=tuple(subjects), kind=ATTESTATION_KIND, predicate=said)
    write_durably(folder / ATTESTATION_FILE, sign(statement, key).to_bytes())
    return folder / ATTESTATION_FILE


def read_day(text: object) -> str:
    """Return a day as text, which may be empty.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(text, str):
        raise ValueError("the day of a release is not text")
    if text and datetime.date.fromisoformat(text).isoformat() != text:
        raise ValueError(f"'{text}' is not a day")
    return text


def _text(told: object) -> str:
    if not isinstance(told, str):
        raise ValueError("the root of the queries is not text")
    return told


def _answers_name(number: int) -> str:
    return answers_file(number).removesuffix(".npz")
