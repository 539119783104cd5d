"""`ShownDigest`: what the folder of an enrolment says of itself, also where it would not open."""

from __future__ import annotations

import hashlib
from pathlib import Path

import attrs

from fpframe.enrolment import UNDIGESTED
from fpframe.store import SealedKind, read_manifest

_FOLDER = SealedKind(
    noun="enrolment", article="an", make="make one with 'fpframe enroll'", always=frozenset({"format"})
)


@attrs.frozen
class ShownDigest:
    """What a seal of an enrolment is about.

    Attributes:
        digest: the digest of the enrolment.
        manifest: SHA-256 of the file of its manifest.
    """

    digest: str
    manifest: str

    @classmethod
    def of(cls, folder: Path) -> ShownDigest:
        """Read a folder, whose members nobody looks at."""
        manifest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
        return cls(read_manifest(_FOLDER, folder).digest(without=UNDIGESTED), manifest)
