"""What an enrolment is on disk, in tables: its members, what its manifest says besides, and since which format.

An enrolment is written in the oldest format that can hold it, so that what a later release adds neither keeps an older
one from opening the others nor changes their digests.

To add a member, give `Contents` a field for it, with ``None`` for enrolments that have none, and move its name from
`RESERVED` to a row with a version in `MEMBERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any

import attrs
import safetensors.torch
import torch
from torch import Tensor

from fpframe.base import Note, canonical_json, parse_json
from fpframe.enrolment.ability import Ability
from fpframe.enrolment.commitment import Committed
from fpframe.enrolment.contents import Contents
from fpframe.enrolment.fitness import Fitness
from fpframe.enrolment.origin import Origin
from fpframe.errors import IntegrityError, UsageError
from fpframe.models import Preparation
from fpframe.recipe import Recipe
from fpframe.store import SEAL, Manifest, dump

#: Format 2 has neither optional members nor codes of assumptions; format 1 kept no answers of the calibration models.
OLDEST, NEWEST = 2, 3


@attrs.frozen(kw_only=True)
class Member:
    """A file of an enrolment.

    Attributes:
        file: its name.
        encode: what is written to it; ``None`` where an enrolment has no such member.
        decode: what is read from it.
        version: raised when an optional member is written otherwise; ``None`` for a member that every enrolment has.
    """

    file: str
    encode: Callable[[Contents], bytes | None]
    decode: Callable[[bytes], Any]
    version: int | None = None


def _tensors(content: bytes) -> dict[str, Tensor]:
    return safetensors.torch.load(content)


def _numbered(stem: str, content: bytes) -> tuple[Tensor, ...]:
    tensors = _tensors(content)
    return tuple(tensors[f"{stem}.{i}"] for i in range(len(tensors)))


def _calibration(contents: Contents) -> dict[str, Any]:
    """Return scores as data that can be read by eye; the answers that they come from are a member of their own."""
    calibration = contents.calibration
    return {
        "source": calibration.source,
        "models": [attrs.asdict(model) for model in calibration.models],
        "filters": list(calibration.answers),
        "view_scores": {
            channel: {name: views.tolist() for name, views in by_filter.items()}
            for channel, by_filter in calibration.views.items()
        },
        "standards": {channel: attrs.asdict(standard) for channel, standard in contents.standards.items()},
    }


#: The code of assumptions of format 2, which are bare sentences.
UNCODED = "assumption"


def read_assumption(stored: object) -> Note:
    """Return an assumption of a manifest."""
    return Note.read(stored, bare=UNCODED)


def _assumption(note: Note) -> dict[str, str] | str:
    return note.text if note.code == UNCODED else note.to_dict()


def _decode_recipe(content: bytes) -> Recipe:
    try:
        return Recipe.parse(content.decode(), origin="recipe.toml")
    except UsageError as error:  # nobody typed it: it is damaged
        raise ValueError(str(error)) from error


def _decode_preparation(content: bytes) -> Preparation:
    try:
        return Preparation.read(content.decode())
    except UsageError as error:  # nobody typed it: it is damaged
        raise ValueError(str(error)) from error


def _encode_ability(contents: Contents) -> bytes | None:
    ability = contents.ability
    if ability is None:
        return None
    # names as a tensor too: safetensors writes its metadata in any order, and bytes have to be the same
    left_out = torch.frombuffer(bytearray(canonical_json(list(ability.left_out)).encode()), dtype=torch.uint8)
    tensors = {name: getattr(ability, name) for name in _ABILITY}
    return dump({**tensors, "left_out": left_out}, {})


def _decode_ability(content: bytes) -> Ability:
    tensors = _tensors(content)
    left_out = parse_json(bytes(tensors["left_out"].tolist()))
    if not isinstance(left_out, list):
        raise ValueError("the names of models that ability left out are not a list")
    return Ability(**{name: tensors[name] for name in _ABILITY}, left_out=tuple(left_out))


#: The tensors of the member ``ability``.
_ABILITY = ("images", "truth", "victim", "models")

#: The members by name, besides one encoder for each channel. The name of an optional one is its field of `Contents`.
MEMBERS: Mapping[str, Member] = {
    "recipe": Member(
        file="recipe.toml",
        encode=lambda contents: contents.recipe.to_toml().encode(),
        decode=_decode_recipe,
    ),
    "queries": Member(
        file="queries.safetensors",
        encode=lambda contents: dump({"images": contents.queries.images}, {}),
        decode=lambda content: _tensors(content)["images"],
    ),
    "deltas": Member(
        file="perturbations.safetensors",
        encode=lambda contents: dump({f"delta.{i}": delta for i, delta in enumerate(contents.deltas)}, {}),
        decode=lambda content: _numbered("delta", content),
    ),
    "victim_answers": Member(
        file="victim-answers.safetensors",
        encode=lambda contents: dump({"probs": contents.victim_answers}, {}),
        decode=lambda content: _tensors(content)["probs"],
    ),
    "calibration": Member(
        file="calibration.json",
        encode=lambda contents: canonical_json(_calibration(contents)).encode(),
        decode=parse_json,
    ),
    "calibration_answers": Member(
        file="calibration-answers.safetensors",
        encode=lambda contents: dump(
            {f"answers.{i}": answers for i, answers in enumerate(contents.calibration.answers.values())}, {}
        ),
        decode=lambda content: _numbered("answers", content),
    ),
    "ability": Member(file="ability.safetensors", encode=_encode_ability, decode=_decode_ability, version=1),
    "fitness": Member(
        file="fitness.json",
        encode=lambda contents: canonical_json(contents.fitness.to_dict()).encode() if contents.fitness else None,
        decode=lambda content: Fitness.read(parse_json(content)),
        version=1,
    ),
    "preparation": Member(
        file="preparation.txt",
        encode=lambda contents: str(contents.preparation).encode() if contents.preparation else None,
        decode=_decode_preparation,
        version=1,
    ),
    "origin": Member(
        file="origin.json",
        encode=lambda contents: canonical_json(contents.origin.to_dict()).encode() if contents.origin else None,
        decode=lambda content: Origin.read(parse_json(content)),
        version=1,
    ),
    "commitment": Member(
        file="commitment.json",
        encode=lambda contents: canonical_json(contents.commitment.to_dict()).encode() if contents.commitment else None,
        decode=lambda content: Committed.read(parse_json(content)),
        version=1,
    ),
}

#: What the manifest says of an enrolment besides its members and its format.
FACTS: Mapping[str, Callable[[Contents], Any]] = {
    "scheme": lambda contents: contents.scheme,
    "encoder": lambda contents: attrs.asdict(contents.encoder),
    "encoder_revision": lambda contents: contents.encoder_revision,
    "parts": lambda contents: [attrs.asdict(part) for part in contents.queries.parts],
    "channels": lambda contents: list(contents.encoders),
    "victim": lambda contents: dict(contents.victim),
    "classes": lambda contents: list(contents.classes),
    "assumptions": lambda contents: [_assumption(note) for note in contents.assumptions],
    "profile": lambda contents: dict(contents.profile),
}
#: What the manifest of format 3 may say besides: the version of each optional member, by name.
VERSIONS = "optional"
#: The fact that is not part of the digest: the same enrolment may come about on another machine.
UNDIGESTED = "profile"

#: Names of members that later releases fill, and what they hold.
RESERVED: Mapping[str, str] = {}


def encode(contents: Contents) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return what the manifest says, and the members by file name."""
    files = {encoder_file(name): dump(dict(encoder.state_dict()), {}) for name, encoder in contents.encoders.items()}
    versions = {}
    for name, member in MEMBERS.items():
        content = member.encode(contents)
        if content is not None:
            files[member.file] = content
            if member.version is not None:
                versions[name] = member.version
    about = {name: of(contents) for name, of in FACTS.items()}
    if not versions and all(note.code == UNCODED for note in contents.assumptions):
        return {"format": OLDEST, **about}, files
    return {"format": NEWEST, **({VERSIONS: versions} if versions else {}), **about}, files


def check_known(manifest: Manifest, *, where: object) -> None:
    """Refuse an enrolment that has anything which this release does not know, or lacks what every one has.

    Nothing is passed over: what is not known may be what makes the rest mean something else.

    Args:
        manifest: what the enrolment says of itself.
        where: its folder, for messages.

    Raises:
        UsageError: it is of another format, or has a member of another release; the message says which.
        IntegrityError: it is of a known format, and does not keep to it.
    """
    about = manifest.about
    version = about.get("format")
    if type(version) is not int or version < 1:
        raise IntegrityError(f"the manifest names no format of an enrolment ({where}); restore the enrolment")
    if not OLDEST <= version <= NEWEST:
        remedy = "enroll again" if version < OLDEST else "install the release that made it, or a later one"
        raise UsageError(
            f"this enrolment has format {version}, and this fpframe opens formats {OLDEST} to {NEWEST} ({where}); "
            f"{remedy}"
        )
    versions = about[VERSIONS] if version > OLDEST and VERSIONS in about else {}
    for name, told in dict(versions).items():
        _check_optional(name, told, where)
    if manifest.sealed and version == OLDEST:
        raise IntegrityError(
            f"the entry of the manifest '{SEAL}' is not one of format 2 ({where}); restore the enrolment"
        )
    _compare("entry of the manifest", {"format", *FACTS, *([VERSIONS] if versions else [])}, about, where)
    files = {member.file for member in _members(versions).values()}
    _compare("member", files | {encoder_file(channel) for channel in about["channels"]}, manifest.members, where)


def decode(manifest: Manifest, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return what each member holds, by its name; for ``encoders``, the weights by channel."""
    about = manifest.about
    encoders = {channel: _tensors(files[encoder_file(channel)]) for channel in about["channels"]}
    members = _members(about.get(VERSIONS, {}))
    return {"encoders": encoders, **{name: member.decode(files[member.file]) for name, member in members.items()}}


def encoder_file(channel: str) -> str:
    """Return the name of the file with the weights of a channel's encoder."""
    return f"encoder-{channel.replace(':', '-')}.safetensors"


def _members(optional: Mapping[str, int]) -> dict[str, Member]:
    """Return the members of an enrolment with some optional ones."""
    return {name: member for name, member in MEMBERS.items() if member.version is None or name in optional}


def _check_optional(name: str, version: object, where: object) -> None:
    known = MEMBERS[name].version if name in MEMBERS else None
    if known is not None and known == version:
        return
    what = f", {RESERVED[name]}," if name in RESERVED else ""
    knows = "does not know" if known is None else f"knows in version {known} only"
    raise UsageError(
        f"this enrolment has a member '{name}' (version {version}){what} that this fpframe {knows} ({where}); "
        "install the release that made it, or a later one"
    )


def _compare(what: str, expected: Set[str], found: Iterable[str], where: object) -> None:
    """Refuse whatever is missing or too many."""
    missing, unknown = expected - set(found), set(found) - expected
    if missing:
        raise IntegrityError(f"the {what} '{min(missing)}' is missing ({where}); restore the enrolment")
    if unknown:
        raise IntegrityError(
            f"the {what} '{min(unknown)}' is not one of an enrolment's ({where}); restore the enrolment"
        )
