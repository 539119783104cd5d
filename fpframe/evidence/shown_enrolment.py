"""`ShownEnrolment`: an enrolment as a bundle holds it, whose digest is computed without opening it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from fpframe.base import parse_json
from fpframe.enrolment import UNDIGESTED, Committed, Enrolment, Origin, refuse_other_commitment
from fpframe.errors import FpframeError, PluginError
from fpframe.evidence.refusal import EvidenceError
from fpframe.recipe import Recipe
from fpframe.registry import load_registry
from fpframe.store import Manifest, SealedKind, read_manifest, read_members

_ENROLMENT = SealedKind(noun="enrolment", article="an", make="bundle it again", always=frozenset({"format"}))

#: The distribution of what ships with fpframe.
SHIPPED = "fpframe"


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

    @property
    def foreign_encoder(self) -> str:
        """The name of its encoder where that does not ship with fpframe, so that it runs code of whoever wrote it."""
        encoder = self.manifest.about.get("encoder", {})
        name = encoder.get("name") if isinstance(encoder, dict) else None
        return "" if isinstance(name, str) and ships(name) else str(name)

    @property
    def foreign_components(self) -> list[str]:
        """What it was made with that does not ship with fpframe, such as ``augmenter 'mine' of mine 1.0``.

        Whoever wrote a component can have it choose images, or fit encoders, in favour of the claimant. A scheme is not
        code: it only names components.
        """
        if "origin.json" not in self.files:
            return []
        components = Origin.read(parse_json(self.files["origin.json"])).components
        foreign = [
            each
            for each in components
            if each.kind != "scheme" and not (each.distribution == SHIPPED and ships(each.name, each.kind))
        ]
        return [
            f"{each.kind} '{each.name}' of {f'{each.distribution} {each.version}' if each.distribution else 'nobody'}"
            for each in foreign
        ]

    def opened(self) -> Enrolment:
        """Return it as it is opened to question a suspect, so that no part may contradict another.

        Raises:
            FpframeError: says what contradicts what.
        """
        with _written(self.files) as folder:
            try:
                return Enrolment.open(folder)
            except FpframeError as error:
                told = str(error).replace(str(folder), "the bundle")
                raise EvidenceError("member-damaged", f"the enrolment contradicts itself: {told}") from error

    def require_as_committed(self) -> None:
        """Make sure that it says of itself what was committed to, with the seeds that follow from the beacon.

        This needs no encoder, and so holds also where verdicts cannot be computed again.

        Raises:
            EvidenceError: says what differs, or cannot be read.
        """
        about = self.manifest.about
        try:
            told = _Told(
                recipe=Recipe.parse(self.files["recipe.toml"].decode(), origin="recipe.toml"),
                victim=dict(about["victim"]),
                classes=tuple(about["classes"]),
                origin=Origin.read(parse_json(self.files["origin.json"])) if "origin.json" in self.files else None,
                commitment=self.commitment(),
            )
            refuse_other_commitment(told)
        except (KeyError, TypeError, ValueError, AttributeError, FpframeError) as error:
            if isinstance(error, EvidenceError):
                raise
            raise EvidenceError(
                "committed-otherwise", f"the enrolment is not what was committed to: {error}"
            ) from error

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


@attrs.frozen(kw_only=True)
class _Told:
    """What the enrolment says of itself that a commitment fixes."""

    recipe: Recipe
    victim: Mapping[str, Any]
    classes: tuple[str, ...]
    origin: Origin | None
    commitment: Committed | None


def ships(name: str, kind: str = "encoder") -> bool:
    """Tell whether a component ships with fpframe."""
    try:
        return load_registry().owner(kind, name).distribution == SHIPPED
    except PluginError:
        return False


@contextmanager
def _written(files: Mapping[str, bytes]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fpframe-bundle-") as temporary:
        folder = Path(temporary) / "shown.enrolment"
        folder.mkdir()
        for name, content in files.items():  # plain names: whoever read the bundle has made sure of that
            (folder / name).write_bytes(content)
        yield folder
