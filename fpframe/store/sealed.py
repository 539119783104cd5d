"""Sealed folders: files under a manifest that holds the SHA-256 of each; they know bytes, and not what these mean."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from fpframe.base import (
    MOST_OF_DATA,
    MOST_OF_TEXT,
    canonical_json,
    content_key,
    parse_json,
    read_file,
    why_unread,
)
from fpframe.errors import IntegrityError, ResourceError, UsageError
from fpframe.store.durable import write_durably

MANIFEST = "manifest.json"
#: What a manifest may say of itself: the SHA-256 of everything else in it. It finds damage where no other digest does.
SEAL = "sha256"
#: What a manifest with a SHA-256 of itself also says: the bytes of each member.
SIZES = "sizes"
#: Bytes of a member with such an ending at most; of others, as of tensors, there may be more.
_MOST = {".toml": MOST_OF_TEXT, ".json": 512 * 2**20}
#: What a member may be called: a plain file name that every file system takes, and takes for the same one.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,199}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@attrs.frozen(kw_only=True)
class SealedKind:
    """One kind of sealed folder, as messages speak of it.

    Attributes:
        noun: what such a folder is, such as ``enrolment``.
        article: ``a`` or ``an``.
        make: how to make one, as an advice that ends a message.
        always: what the manifest of such a folder always says besides its members, by which it is told from others.
    """

    noun: str
    article: str
    make: str
    always: frozenset[str]


@attrs.frozen(kw_only=True)
class Manifest:
    """What a sealed folder says of itself.

    Attributes:
        about: what it says besides its members.
        members: SHA-256 of each member, by file name.
        sizes: the bytes of each member, by file name; ``None`` where the manifest does not hold a SHA-256 of itself.
    """

    about: Mapping[str, Any]
    members: Mapping[str, str]
    sizes: Mapping[str, int] | None

    @property
    def sealed(self) -> bool:
        """Whether it holds a SHA-256 of itself, so that no byte of it is without one."""
        return self.sizes is not None

    @classmethod
    def of(cls, about: Mapping[str, Any], members: Mapping[str, bytes], *, sealed: bool = True) -> Manifest:
        """Return the manifest of members that are not written yet.

        Raises:
            ValueError: a member has a name that no member may have.
        """
        for name in members:
            _check_name(name)
        return cls(
            about=about,
            members={name: hashlib.sha256(content).hexdigest() for name, content in members.items()},
            sizes={name: len(content) for name, content in members.items()} if sealed else None,
        )

    def to_bytes(self) -> bytes:
        """Return the file; the same manifest is always the same bytes."""
        said = {**self.about, "members": dict(self.members)}
        if self.sizes is not None:
            said[SIZES] = dict(self.sizes)
        return (canonical_json({**said, **({SEAL: content_key(said)} if self.sealed else {})}) + "\n").encode()

    def digest(self, *, without: str) -> str:
        """Return the SHA-256 over the digests of all members and everything else in the manifest, except one key."""
        return content_key(
            {**{key: value for key, value in self.about.items() if key != without}, "members": dict(self.members)}
        )


def write_sealed(
    kind: SealedKind,
    path: Path,
    about: Mapping[str, Any],
    members: Mapping[str, bytes],
    *,
    force: bool,
    sealed: bool = True,
) -> None:
    """Write a sealed folder: whole or not at all. `sealed` has its manifest hold a SHA-256 of itself.

    Raises:
        UsageError: the folder exists and `force` is not set, or it holds something else.
        ResourceError: the disk is full or cannot be written.
    """
    manifest = Manifest.of(about, members, sealed=sealed)
    refuse_existing(kind, path, force=force)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{kind.noun}-") as temporary:
            folder = Path(temporary) / "new"
            for name, content in members.items():
                write_durably(folder / name, content)
            write_durably(folder / MANIFEST, manifest.to_bytes())
            if path.exists():
                path.rename(Path(temporary) / "old")  # it goes away with the temporary folder
            folder.rename(path)
    except OSError as error:
        raise ResourceError(f"cannot write the {kind.noun}: {error.strerror} ({path})") from error


def refuse_existing(kind: SealedKind, path: Path, *, force: bool) -> None:
    """Refuse to overwrite: without `force` anything that exists, with it anything that is not of this kind.

    Raises:
        UsageError: names the folder.
    """
    if not path.exists():
        return
    if not force:
        raise UsageError(f"output exists already ({path}); choose another --out, or overwrite it with --force")
    if not _is_of(kind, path) and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(
            f"output exists and is not {kind.article} {kind.noun} ({path}); --force overwrites {kind.noun}s only"
        )


def is_sealed(path: Path) -> bool:
    """Tell whether a folder is a sealed one of any kind."""
    try:
        return bool(_parse(_read(path / MANIFEST)).members)
    except (OSError, ValueError):
        return False


def read_manifest(kind: SealedKind, path: Path) -> Manifest:
    """Read what a sealed folder says of itself; none of its members is looked at.

    Raises:
        UsageError: there is no such folder, or it is not of this kind.
        IntegrityError: the manifest is damaged, or names a member outside the folder.
    """
    file = path / MANIFEST
    try:
        path.stat()
    except PermissionError as error:
        raise IntegrityError(f"the {kind.noun} cannot be read: {why_unread(error)} ({path})") from error
    except (OSError, ValueError) as error:  # there is none, or there can be none of this name
        raise UsageError(f"no such {kind.noun} ({path}); {kind.make}") from error
    try:
        if not file.is_symlink() and not file.is_file():
            raise UsageError(f"not {kind.article} {kind.noun}, it has no {MANIFEST} ({path}); {kind.make}")
        return _parse(_read(file))
    except OSError as error:
        raise IntegrityError(
            f"the manifest cannot be read: {why_unread(error)} ({file}); restore the {kind.noun}, or the right to read "
            "it"
        ) from error
    except ValueError as error:
        raise IntegrityError(f"the manifest is damaged: {error} ({file}); restore the {kind.noun}") from error


def read_members(kind: SealedKind, path: Path, manifest: Manifest) -> dict[str, bytes]:
    """Read every member, by file name; each has the digest that the manifest says, and there is no other file.

    Raises:
        IntegrityError: a member is missing, was changed, is not a regular file, or is not in the manifest.
    """
    sizes = manifest.sizes or {}
    if sum(sizes.values()) > MOST_OF_DATA:
        raise IntegrityError(
            f"the members of the {kind.noun} are said to have {sum(sizes.values())} bytes, and {MOST_OF_DATA} are read "
            f"at most ({path}); ask whoever made it for a smaller one"
        )
    contents = {
        name: _checked(kind, path / name, digest, size=sizes.get(name)) for name, digest in manifest.members.items()
    }
    try:
        extra = {item.name for item in path.iterdir()} - {MANIFEST, *contents}
    except OSError as error:
        raise IntegrityError(f"the {kind.noun} cannot be listed: {why_unread(error)} ({path})") from error
    if extra:
        raise IntegrityError(f"'{min(extra)}' is not one of the {kind.noun}'s members ({path}); remove it")
    return contents


def _parse(content: bytes) -> Manifest:
    about = parse_json(content)
    if not isinstance(about, dict):
        raise ValueError("it is not an object")
    seal, sizes = about.pop(SEAL, None), about.pop(SIZES, None)
    members = about.pop("members", None)
    if not isinstance(members, dict):
        raise ValueError("it lists no members")
    for name, digest in members.items():
        _check_name(name)
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise ValueError(f"member '{name}' has no SHA-256")
    if seal is None and sizes is not None:
        raise ValueError("it tells sizes of members, and has no SHA-256 of itself")
    if seal is not None:
        _check_sizes(sizes, members)
    manifest = Manifest(about=about, members=members, sizes=sizes)
    if seal is not None and seal != content_key({**about, "members": members, SIZES: sizes}):
        raise ValueError("it was changed, and is not what its own SHA-256 says")
    if manifest.to_bytes() != content:  # one enrolment, one file: nothing stands behind it or is written in another way
        raise ValueError("it is not written as fpframe writes it")
    return manifest


def _check_sizes(sizes: object, members: Mapping[str, str]) -> None:
    """Refuse sizes that are not whole numbers of bytes, one for each member."""
    whole = isinstance(sizes, dict) and all(type(size) is int and size >= 0 for size in sizes.values())
    if not (whole and isinstance(sizes, dict) and sizes.keys() == members.keys()):
        raise ValueError("it does not say how many bytes each member has")


def _check_name(name: str) -> None:
    """Refuse names that leave the folder, that another system reads otherwise, and the manifest's own."""
    if not _NAME.fullmatch(name) or name == MANIFEST:
        raise ValueError(f"{name!r} is not the name of a member, which lies in the folder itself")


def _is_of(kind: SealedKind, path: Path) -> bool:
    """Tell whether a folder is of a kind and holds nothing else; other programs have a file of that name too."""
    try:
        manifest = _parse(_read(path / MANIFEST))
        names = {item.name for item in path.iterdir()}
        return kind.always <= manifest.about.keys() and names <= {MANIFEST, *manifest.members}
    except (OSError, ValueError):
        return False


def _checked(kind: SealedKind, path: Path, digest: str, *, size: int | None) -> bytes:
    try:
        content = _read(path, size)
    except FileNotFoundError as error:
        raise IntegrityError(f"a member of the {kind.noun} is missing ({path}); restore it") from error
    except OSError as error:
        raise IntegrityError(
            f"a member of the {kind.noun} cannot be read: {why_unread(error)} ({path}); restore it, or the right to "
            "read it"
        ) from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise IntegrityError(
            f"a member of the {kind.noun} was changed ({path}); restore it, or make the {kind.noun} again"
        )
    return content


def _read(path: Path, size: int | None = None) -> bytes:
    # the folder may be a link, but what lies in it may not: a link leads out of it, and a pipe or device never ends
    most = _MOST.get(path.suffix, MOST_OF_DATA)
    return read_file(path, most=most if size is None else min(most, size), follow=False)
