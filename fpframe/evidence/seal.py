"""`Seal`: a signed statement that an enrolment, or a commitment, was there, with the token of an authority."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from fpframe.base import now, read_time, write_time
from fpframe.enrolment import Enrolment
from fpframe.evidence.case import COMMITMENT, LOG_FILE, Case, read_evidence
from fpframe.evidence.keys import PrivateKey, PublicKey
from fpframe.evidence.opened_queries import root_of_queries
from fpframe.evidence.refusal import EvidenceError
from fpframe.evidence.statement import Statement, Subject, read_statement, sign
from fpframe.evidence.timestamp import Token, check_token

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

SEAL_KIND = "urn:fpframe:seal:1"
#: What an enrolment is called as a subject of statements.
ENROLMENT = "enrolment"
_KEYS = {"at", "log", "manifest", "queries", "signer", "token"}


@attrs.frozen(kw_only=True)
class Seal:
    """What a seal says.

    Attributes:
        statement: the statement that was signed.
        at: when, as the signer's clock showed it.
        manifest: SHA-256 of the manifest of the enrolment; empty of a commitment.
        log: SHA-256 of the last line of the case's log; empty where none was shown.
        token: the token of an authority; empty where there is none.
        queries: the root over the enrolment's queries, by which single ones can be shown; empty where it has none.
    """

    statement: Statement
    at: str
    manifest: str
    log: str
    token: bytes
    queries: str

    @property
    def subject(self) -> Subject:
        """What is sealed."""
        return self.statement.subjects[0]

    def stamped(self, authorities: Sequence[Certificate] = ()) -> Token | None:
        """Return what the token says; ``None`` where there is none.

        Raises:
            EvidenceError: the token is damaged, about something else, or of no trusted authority.
        """
        return check_token(self.token, self.subject.sha256, authorities) if self.token else None

    @classmethod
    def read(cls, content: bytes, *, key: PublicKey | None = None) -> Seal:
        """Read a seal, whose signature is checked.

        Raises:
            EvidenceError: it is damaged, not signed, or signed by another key than `key`.
        """
        statement = read_statement(content, kind=SEAL_KIND, key=key)
        told: dict[str, Any] = dict(statement.predicate)
        try:
            if set(told) != _KEYS or not all(isinstance(value, str) for value in told.values()):
                raise ValueError("it has other entries than a seal")
            if len(statement.subjects) != 1 or statement.subjects[0].name not in (ENROLMENT, COMMITMENT):
                raise ValueError("it is not about one enrolment or commitment")
            read_time(told["at"])
            token = base64.b64decode(told["token"], validate=True)
        except (ValueError, binascii.Error) as error:
            raise EvidenceError("statement-damaged", f"this is not a seal: {error}") from error
        texts = {name: told[name] for name in ("at", "log", "manifest", "queries")}
        return cls(statement=statement, token=token, **texts)


def seal_enrolment(
    folder: str | Path, key: PrivateKey, *, case: Case | None = None, token: bytes = b"", authorities: Any = ()
) -> bytes:
    """Return the seal of an enrolment, as a file.

    Args:
        folder: the enrolment.
        key: signs it.
        case: the case that it was made under, whose log is sealed with it.
        token: a time-stamp token over the enrolment's digest.
        authorities: root certificates by which the token is checked; none checks only what it is about.

    Raises:
        EvidenceError: the token does not hold, or the log of the case does not end with this enrolment.
        IntegrityError: the enrolment was changed.
    """
    folder = Path(folder)
    enrolment = Enrolment.open(folder)
    if case is not None:
        require_logged(case, enrolment)
    if token:
        check_token(token, enrolment.digest, authorities)
    manifest = hashlib.sha256(read_evidence(folder / "manifest.json")).hexdigest()
    log = "" if case is None else case.log.head
    subject, queries = Subject(ENROLMENT, enrolment.digest), root_of_queries(enrolment)
    return seal_subject(subject, key, manifest=manifest, log=log, token=token, queries=queries)


def seal_commitment(case: Case, key: PrivateKey, *, token: bytes, authorities: Any = ()) -> bytes:
    """Return the seal of a commitment, as a file: it shows when the commitment was there at the latest.

    Raises:
        EvidenceError: the token does not hold.
    """
    check_token(token, case.root, authorities)
    return seal_subject(Subject(COMMITMENT, case.root), key, token=token)


def require_logged(case: Case, enrolment: Enrolment) -> None:
    """Make sure that an enrolment was made under a case, and stands in its log.

    Raises:
        EvidenceError: it was made under another commitment, or under none; or the log does not have it.
    """
    committed = enrolment.commitment
    if committed is None or committed.root != case.root:
        made = "none" if committed is None else committed.root[:16]
        raise EvidenceError("commitment-of-another-case", f"the enrolment was made under {made}, not {case.root[:16]}")
    finished = {(entry.attempt, entry.enrolment) for entry in case.log.entries if entry.event == "finished"}
    if (committed.attempt, enrolment.digest) not in finished:
        raise EvidenceError("attempt-not-logged", f"'{LOG_FILE}' does not say that this enrolment was made")


def seal_subject(
    subject: Subject,
    key: PrivateKey,
    *,
    manifest: str = "",
    log: str = "",
    token: bytes = b"",
    queries: str = "",
    at: str = "",
) -> bytes:
    """Return a seal, as a file. Nothing is checked: a seal says what its signer wants it to say.

    Args:
        subject: what is sealed.
        key: signs it.
        manifest: SHA-256 of the manifest of an enrolment.
        log: SHA-256 of the last line of a log.
        token: a time-stamp token.
        queries: the root over the enrolment's queries.
        at: when, by the signer's clock; now by default.
    """
    said = {
        "at": at or write_time(now()),
        "manifest": manifest,
        "log": log,
        "queries": queries,
        "token": base64.b64encode(token).decode(),
    }
    return sign(Statement(subjects=(subject,), kind=SEAL_KIND, predicate=said), key).to_bytes()
