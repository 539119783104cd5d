"""`write_bundle`: everything that somebody needs who checks a case, in one folder; or only its digests and dates."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs

from fpframe.base import Leaf, canonical_json, merkle_path, parse_json, root_of_path
from fpframe.enrolment import TERMS, Enrolment
from fpframe.errors import UsageError
from fpframe.evidence.attestation import ATTESTATION_FILE, Attestation, answers_file
from fpframe.evidence.case import ENVELOPE_FILE, LEAVES_FILE, LOG_FILE, Case, read_evidence
from fpframe.evidence.envelope import MOST_OF_ENVELOPE
from fpframe.evidence.keys import PrivateKey, PublicKey
from fpframe.evidence.opened_queries import open_queries
from fpframe.evidence.refusal import EvidenceError
from fpframe.evidence.statement import SIGNER, Statement, Subject, sign
from fpframe.store import SealedKind, refuse_existing, write_sealed

#: What a bundle holds: all, or only what may be public.
Kind = Literal["court", "public"]
COURT: Kind = "court"
PUBLIC: Kind = "public"
BUNDLE = SealedKind(
    noun="bundle", article="a", make="make one with 'fpframe bundle'", always=frozenset({"bundle", "version"})
)
VERSION = 1
#: The signed list of all other members.
BUNDLE_FILE, BUNDLE_KIND = "bundle.dsse.json", "urn:fpframe:bundle:1"
SEAL_FILE, COMMITMENT_SEAL_FILE = "enrolment.seal", "commitment.seal"
#: Begins the names of the members of the enrolment.
ENROLMENT_PREFIX = "enrolment-member."
#: The same enrolment, calibrated on models of the holder of the suspect, and the holder's seal of it.
HOLDER_PREFIX, HOLDER_SEAL_FILE = "holder-member.", "holder.seal"
#: Single queries that a public bundle shows.
QUERIES_FILE = "queries.json"
#: Bytes of a file of answers at most.
_MOST_OF_ANSWERS = 2**30


@attrs.frozen(kw_only=True)
class Parts:
    """What a bundle is made of.

    Attributes:
        case: the case.
        enrolment: the folder of the enrolment.
        seal: the file of its seal.
        commitment_seal: the file of the seal of the commitment; ``None`` where there is none.
        attested: the folder of an attestation; ``None`` before anybody was asked.
        holder: the folder of the enrolment as the holder of the suspect has calibrated it; ``None`` where nobody has.
        holder_seal: the file of the holder's seal of that.
    """

    case: Case
    enrolment: Path
    seal: Path
    commitment_seal: Path | None = None
    attested: Path | None = None
    holder: Path | None = None
    holder_seal: Path | None = None


def bundle_members(parts: Parts, kind: Kind, *, opened: int = 0) -> dict[str, bytes]:
    """Return the members of a bundle by name, as they lie on the disk: nothing of them is checked.

    Args:
        parts: what it is made of.
        kind: whether it holds all, or only what may be public.
        opened: how many queries a public one shows; which ones follows from the attestation.

    Raises:
        EvidenceError: one is missing or cannot be read.
        UsageError: queries are to be shown that nobody has sent yet, or that the bundle holds anyway.
    """
    if opened and (kind == COURT or parts.attested is None):
        why = (
            "a court bundle holds all queries"
            if kind == COURT
            else "nobody has sent any, and they are secret until then"
        )
        raise UsageError(f"no queries are shown: {why}; leave out --open")
    case = parts.case
    members = {
        ENVELOPE_FILE: case.envelope,
        LEAVES_FILE: write_opened(case.leaves, None if kind == COURT else [TERMS]),
        LOG_FILE: case.log.to_bytes(),
        SEAL_FILE: read_evidence(parts.seal, most=MOST_OF_ENVELOPE),
    }
    if parts.commitment_seal is not None:
        members[COMMITMENT_SEAL_FILE] = read_evidence(parts.commitment_seal, most=MOST_OF_ENVELOPE)
    if parts.attested is not None:
        content = read_evidence(parts.attested / ATTESTATION_FILE, most=MOST_OF_ENVELOPE)
        members[ATTESTATION_FILE] = content
        if opened:
            members[QUERIES_FILE] = open_queries(Enrolment.open(parts.enrolment), opened, by=content)
        if kind == COURT:
            for number in range(1, len(Attestation.read(content).verdicts) + 1):
                name = answers_file(number)
                members[name] = read_evidence(parts.attested / name, most=_MOST_OF_ANSWERS)
    if parts.holder_seal is not None:
        members[HOLDER_SEAL_FILE] = read_evidence(parts.holder_seal, most=MOST_OF_ENVELOPE)
    if kind == COURT:
        members |= _files_of(parts.enrolment, ENROLMENT_PREFIX)
        if parts.holder is not None:
            members |= _files_of(parts.holder, HOLDER_PREFIX)
    return members


def _files_of(enrolment: Path, prefix: str) -> dict[str, bytes]:
    return {f"{prefix}{path.name}": read_evidence(path, most=8 * 2**30) for path in sorted(enrolment.iterdir())}


def with_list(members: Mapping[str, bytes], kind: Kind, key: PrivateKey) -> dict[str, bytes]:
    """Return the members with a signed list of them, so that none can be taken out or put in."""
    said = list_of(members, kind == COURT, key.public)
    return {**members, BUNDLE_FILE: sign(said, key).to_bytes()}


def list_of(members: Mapping[str, bytes], court: bool, signer: PublicKey) -> Statement:
    """Return the statement that lists the members of a bundle, as it is when it was signed."""
    return Statement(
        subjects=tuple(
            Subject(name, hashlib.sha256(content).hexdigest())
            for name, content in sorted(members.items())
            if name != BUNDLE_FILE
        ),
        kind=BUNDLE_KIND,
        predicate={"bundle": COURT if court else PUBLIC, SIGNER: signer.raw.hex()},
    )


def write_bundle(members: Mapping[str, bytes], kind: Kind, out: str | Path, *, force: bool = False) -> None:
    """Write a bundle: whole or not at all.

    Raises:
        UsageError: the folder exists and `force` is not set, or it is not a bundle.
        ResourceError: the disk is full or cannot be written.
    """
    refuse_existing(BUNDLE, Path(out), force=force)
    write_sealed(BUNDLE, Path(out), {"bundle": kind, "version": VERSION}, dict(members), force=force)


def write_opened(leaves: tuple[Leaf, ...], names: list[str] | None = None) -> bytes:
    """Return a file that opens some leaves of a commitment, or all of them, each with its path to the root."""
    digests = [leaf.digest for leaf in leaves]
    opened = [
        {"index": index, "leaf": leaf.to_dict(), "path": [node.hex() for node in merkle_path(digests, index)]}
        for index, leaf in enumerate(leaves)
        if names is None or leaf.name in names
    ]
    return (canonical_json({"version": 1, "count": len(leaves), "opened": opened}) + "\n").encode()


def read_opened(content: bytes, *, root: str, count: int) -> list[Leaf]:
    """Return the leaves that a file opens.

    Raises:
        EvidenceError: one of them does not lead to the root, or the file is damaged.
    """
    try:
        stored = parse_json(content)
        if not isinstance(stored, dict) or set(stored) != {"version", "count", "opened"}:
            raise ValueError("it has other entries than opened leaves")
        if stored["version"] != 1 or stored["count"] != count or not isinstance(stored["opened"], list):
            raise ValueError(f"it is of another version, or does not open one of {count} leaves")
        opened = [_opened(each, root=root, count=count) for each in stored["opened"]]
        if [index for index, _ in opened] != sorted({index for index, _ in opened}):
            raise ValueError("it opens a leaf twice, or in another order")
        if (canonical_json(stored) + "\n").encode() != content:
            raise ValueError("it is not written as fpframe writes it")
    except ValueError as error:
        raise EvidenceError("commitment-differs", f"'{LEAVES_FILE}' does not open the commitment: {error}") from error
    return [leaf for _, leaf in opened]


def _opened(stored: Any, *, root: str, count: int) -> tuple[int, Leaf]:
    if not isinstance(stored, dict) or set(stored) != {"index", "leaf", "path"} or type(stored["index"]) is not int:
        raise ValueError("a leaf is opened by 'index', 'leaf' and 'path'")
    if not isinstance(stored["path"], list) or not all(isinstance(node, str) for node in stored["path"]):
        raise ValueError("a path is not a list of digests")
    leaf = Leaf.read(stored["leaf"])
    path = [bytes.fromhex(node) for node in stored["path"]]
    if root_of_path(leaf.digest, stored["index"], count, path).hex() != root:
        raise ValueError(f"leaf '{leaf.name}' does not lead to the root")
    return stored["index"], leaf
