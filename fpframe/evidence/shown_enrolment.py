"""`ShownEnrolment`: an enrolment as a bundle holds it, whose digest is computed without opening it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import attrs

from fpframe.base import parse_json
from fpframe.enrolment import UNDIGESTED, Committed
from fpframe.errors import FpframeError
from fpframe.evidence.refusal import EvidenceError
from fpframe.store import Manifest, SealedKind, read_manifest, read_members

_ENROLMENT = SealedKind(noun="enrolment", article="an", make="bundle it again", always=frozenset({"format"}))


@attrs.frozen(kw_only=True)
class ShownEnrolment:
    """An enrolment in a bundle.

    Attributes:
        files: its files by name.
        manifest: what it says of itself.
        digest: its digest.
    """

    files: Mapping[str, bytes]
    manifest: Manifest
    digest: str

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> ShownEnrolment:
        """Return the enrolment of these files, each of which has the digest that the manifest says.

        Raises:
            EvidenceError: one of them is missing, was changed, or is not listed.
        """
        with _written(files) as folder:
            try:
                manifest = read_manifest(_ENROLMENT, folder)
                read_members(_ENROLMENT, folder, manifest)
            except FpframeError as error:
                told = str(error).replace(str(folder), "the bundle")
                raise EvidenceError("member-damaged", f"the enrolment in the bundle is damaged: {told}") from error
        return cls(files=dict(files), manifest=manifest, digest=manifest.digest(without=UNDIGESTED))

    @contextmanager
    def written(self) -> Iterator[Path]:
        """Return a folder that holds it, inside the block."""
        with _written(self.files) as folder:
            yield folder

    def commitment(self) -> Committed:
        """Return the commitment that it was made under.

        Raises:
            EvidenceError: there is none, or it is damaged.
        """
        content = self.files.get("commitment.json")
        if content is None:
            raise EvidenceError("commitment-of-another-case", "the enrolment was made under no commitment")
        try:
            return Committed.read(parse_json(content))
        except ValueError as error:
            raise EvidenceError("commitment-differs", f"the commitment of the enrolment is damaged: {error}") from error


@contextmanager
def _written(files: Mapping[str, bytes]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fpframe-bundle-") as temporary:
        folder = Path(temporary) / "shown.enrolment"
        folder.mkdir()
        for name, content in files.items():  # plain names: whoever read the bundle has made sure of that
            (folder / name).write_bytes(content)
        yield folder
