"""`Statement`: what somebody signs, as an in-toto Statement v1 (https://github.com/in-toto/attestation)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from fpframe.base import canonical_json, parse_json
from fpframe.evidence.envelope import Envelope
from fpframe.evidence.keys import PrivateKey, PublicKey
from fpframe.evidence.refusal import EvidenceError

PAYLOAD_TYPE = "application/vnd.in-toto+json"
_TYPE = "https://in-toto.io/Statement/v1"
#: Where a predicate says which key its author signs with, so that an envelope can be checked by itself.
SIGNER = "signer"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@attrs.frozen
class Subject:
    """What a statement is about.

    Attributes:
        name: what it is, for a reader.
        sha256: its SHA-256 in hexadecimal.
    """

    name: str
    sha256: str


@attrs.frozen(kw_only=True)
class Statement:
    """Something that is said of subjects.

    Attributes:
        subjects: what it is about, at least one thing.
        kind: which kind of statement it is, as a URI (``predicateType``).
        predicate: what is said, as JSON-able data.
    """

    subjects: tuple[Subject, ...]
    kind: str
    predicate: Mapping[str, Any]

    def to_payload(self) -> bytes:
        """Return the bytes that are signed; the same statement is always the same bytes."""
        return canonical_json(
            {
                "_type": _TYPE,
                "subject": [{"name": each.name, "digest": {"sha256": each.sha256}} for each in self.subjects],
                "predicateType": self.kind,
                "predicate": dict(self.predicate),
            }
        ).encode()

    def require_subject(self, name: str, sha256: str) -> None:
        """Make sure that this is about something.

        Raises:
            EvidenceError: it is about something else of this name, or about nothing of it.
        """
        about = [each.sha256 for each in self.subjects if each.name == name]
        if about != [sha256]:
            told = f"{name} {', '.join(each[:16] for each in about)}" if about else f"no {name}"
            raise EvidenceError("subject-differs", f"the statement is about {told}, and not about {name} {sha256[:16]}")

    @property
    def signer(self) -> PublicKey:
        """The key that the statement says it is signed with; whose it is has to be known otherwise.

        Raises:
            EvidenceError: it names none.
        """
        told = self.predicate.get(SIGNER)
        if not isinstance(told, str) or not _SHA256.fullmatch(told):  # 32 bytes, as a SHA-256 has
            raise EvidenceError("statement-damaged", "the statement names no key of its author")
        return PublicKey(bytes.fromhex(told))

    @classmethod
    def parse(cls, payload: bytes) -> Statement:
        """Read a statement that fpframe wrote.

        Raises:
            EvidenceError: it is something else, or written in another way.
        """
        try:
            statement = cls._read(parse_json(payload))
            if statement.to_payload() != payload:
                raise ValueError("it is not written as fpframe writes it")
        except ValueError as error:
            raise EvidenceError("statement-damaged", f"what was signed is not a statement: {error}") from error
        return statement

    @classmethod
    def _read(cls, stored: Any) -> Statement:
        if not isinstance(stored, dict) or set(stored) != {"_type", "subject", "predicateType", "predicate"}:
            raise ValueError("it has other entries than a statement")
        if stored["_type"] != _TYPE:
            raise ValueError(f"its type is {stored['_type']!r}")
        subjects, kind, predicate = stored["subject"], stored["predicateType"], stored["predicate"]
        if (
            not isinstance(subjects, list)
            or not subjects
            or not isinstance(kind, str)
            or not isinstance(predicate, dict)
        ):
            raise ValueError("it has no subjects, no type of predicate, or no predicate")
        return cls(subjects=tuple(map(_subject, subjects)), kind=kind, predicate=predicate)


def sign(statement: Statement, key: PrivateKey) -> Envelope:
    """Return a statement in an envelope, signed, with the key of its author in the predicate."""
    named = attrs.evolve(statement, predicate={**statement.predicate, SIGNER: key.public.raw.hex()})
    return Envelope.sign(named.to_payload(), PAYLOAD_TYPE, key)


def read_statement(content: bytes, *, kind: str, key: PublicKey | None = None) -> Statement:
    """Return the statement of an envelope, whose signature is checked.

    Args:
        content: the envelope's file.
        kind: the kind that the statement must be of.
        key: whose signature it must have; ``None`` takes the key that the statement names, which shows only that it is
            whole.

    Raises:
        EvidenceError: the envelope is damaged, not signed, signed by another key, or of another kind.
    """
    envelope = Envelope.parse(content)
    if envelope.payload_type != PAYLOAD_TYPE:
        raise EvidenceError("statement-of-another-kind", f"the envelope holds {envelope.payload_type!r}")
    if not envelope.signatures:
        raise EvidenceError("signature-missing", "the envelope has no signature")
    statement = Statement.parse(envelope.payload)
    if statement.kind != kind:
        raise EvidenceError(
            "statement-of-another-kind", f"this is a statement of kind '{statement.kind}', not '{kind}'"
        )
    if len(envelope.signatures) != 1:
        raise EvidenceError("envelope-damaged", f"the envelope has {len(envelope.signatures)} signatures and not one")
    envelope.require_signed(statement.signer if key is None else key)
    if key is not None and statement.signer.raw != key.raw:
        raise EvidenceError("key-unknown", "the statement names another key than the one that signed it")
    return statement


def _subject(stored: Any) -> Subject:
    if not isinstance(stored, dict) or set(stored) != {"name", "digest"} or not isinstance(stored["name"], str):
        raise ValueError("a subject has no name")
    digest = stored["digest"]
    if not isinstance(digest, dict) or set(digest) != {"sha256"} or not _is_sha256(digest["sha256"]):
        raise ValueError(f"subject '{stored['name']}' has no SHA-256")
    return Subject(stored["name"], digest["sha256"])


def _is_sha256(text: object) -> bool:
    return isinstance(text, str) and bool(_SHA256.fullmatch(text))
