"""`Store`: trained models and data on disk, by content key, durable and checked on every read.

One entry is one safetensors file, written to a temporary name, synced and renamed, so that an entry is either whole
or absent, also after a crash and with several processes at work.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors, save as dump_tensors
from torch import Tensor

from fpframe.base import canonical_json, content_key, tensors_digest
from fpframe.errors import ResourceError, UsageError
from fpframe.store.durable import write_durably
from fpframe.store.garbage import Garbage, collect
from fpframe.store.tensorfile import tensors_in

__all__ = ["HOME", "Checked", "Entry", "Garbage", "Store", "dump", "write_durably"]

#: Environment variable that moves the store.
HOME = "FPFRAME_HOME"
#: Environment variable with a folder of this machine, for copies of what is mapped from a store that machines share.
SCRATCH = "FPFRAME_SCRATCH"


def dump(tensors: dict[str, Tensor], facts: dict[str, Any]) -> bytes:
    """Return a safetensors file whose bytes depend on the content alone.

    The format keeps metadata in no fixed order, so all of it is one JSON string under one key. It refuses tensors that
    share memory, such as tied weights, so each is copied.
    """
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in sorted(tensors.items())}
    return dump_tensors(plain, metadata={"fpframe": canonical_json(facts)})


@attrs.frozen
class Entry:
    """What was stored under a key.

    Attributes:
        tensors: by name.
        facts: what is known of it, such as its accuracy; the same for the same key.
    """

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


@attrs.frozen(kw_only=True)
class Checked:
    """What `Store.verify` found of one entry.

    Attributes:
        key: what it is stored under.
        path: where it lies; where a damaged one was set aside to.
        bytes: its size.
        sound: whether it is what was saved under that key.
    """

    key: str
    path: Path
    bytes: int
    sound: bool


@attrs.frozen
class Store:
    """A folder of entries. Several processes may share it, and any of them may be killed at any moment."""

    root: Path

    @classmethod
    def default(cls) -> Store:
        """Return the store in ``FPFRAME_HOME``, or in the user's cache folder.

        Raises:
            UsageError: the user has neither.
        """
        if os.environ.get(HOME):
            return cls(Path(os.environ[HOME]))
        return cls(Path(os.environ.get("XDG_CACHE_HOME") or _home() / ".cache") / "fpframe")

    @property
    def models(self) -> Path:
        """Return the folder of all entries."""
        return self.root / "models"

    @property
    def images(self) -> Path:
        """Return the folder of images that are mapped into memory."""
        return self.root / "images"

    def path(self, key: str) -> Path:
        """Return where the entry of that key lies."""
        return self.models / key[:2] / f"{key}.safetensors"

    def has(self, key: str) -> bool:
        """Tell whether there is an entry, without checking it."""
        return self.path(key).exists()

    def save(self, key: str, tensors: dict[str, Tensor], facts: dict[str, Any], *, sidecar: dict[str, Any]) -> None:
        """Write an entry. `sidecar` holds what differs from run to run (seconds, machine) and is in no digest.

        Raises:
            ResourceError: the disk is full or cannot be written.
        """
        digests = {"digest": tensors_digest(tensors), "facts_digest": content_key(facts)}
        content = dump(tensors, {"key": key, "facts": facts, **digests})
        write_durably(self.path(key), content)
        # last, so that a sidecar without an entry is always garbage
        write_durably(self.path(key).with_suffix(".json"), canonical_json(sidecar).encode())

    def load(self, key: str) -> Entry | None:
        """Return the entry, or ``None`` when there is none; a damaged one is set aside and counts as absent.

        Raises:
            ResourceError: the file is there but cannot be read, which does not make it a damaged one; or a damaged one
                cannot be set aside.
        """
        return self._read(key, Path.read_bytes)

    def map(self, key: str) -> Entry | None:
        """Return the entry with tensors that lie in the file: they take no memory that others could not have.

        They are checked once, as by `load`, and pages are read when they are wanted. Writing into them changes no file.
        Where ``FPFRAME_SCRATCH`` names a folder they lie in a copy there, so that the pages of a store that machines
        share cross the network once for each machine.

        Raises:
            ResourceError: as `load`.
        """
        scratch = os.environ.get(SCRATCH)
        near = self._copied(Store(Path(scratch)), key) if scratch else None
        return self._read(key, _mapped) if near is None else near

    def _copied(self, near: Store, key: str) -> Entry | None:
        """Return an entry from a copy of it, or ``None`` where there is none, or no room for one."""
        with contextlib.suppress(ResourceError, OSError):  # a copy saves time, and is never needed
            entry = near._read(key, _mapped)
            if entry is None and self.has(key):
                write_durably(near.path(key), self.path(key).read_bytes())
                entry = near._read(key, _mapped)
            return entry
        return None

    def _read(self, key: str, opened: Callable[[Path], bytes | memoryview]) -> Entry | None:
        path = self.path(key)
        try:
            content = opened(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ResourceError(f"cannot read: {error.strerror or error} ({path}); check the store's folder") from error
        try:
            return _entry(content, key)
        except (SafetensorError, ValueError, KeyError, TypeError):
            _set_aside(path)
            return None

    def verify(self) -> list[Checked]:
        """Read every entry, set damaged ones aside as `load` does, and return what was found, in order of path.

        Raises:
            ResourceError: as `load`.
        """
        found = []
        for path in sorted(self.models.glob("*/*.safetensors")):
            with contextlib.suppress(FileNotFoundError):  # another process has set it aside
                size, key = path.stat().st_size, path.stem
                if path == self.path(key):
                    sound = self.load(key) is not None
                else:
                    # nobody finds it in the folder of other keys, whatever it holds
                    sound = False
                    _set_aside(path)
                found.append(Checked(key=key, path=path if sound else _aside(path), bytes=size, sound=sound))
        return found

    def collect_garbage(self, dry_run: bool = False) -> list[Garbage]:
        """Remove what killed processes left and what was set aside, and return it; `dry_run` removes nothing.

        It is safe while others write: a temporary file goes only when its writer has ended, or, if that cannot be
        told, when nothing was written to it for a day.

        Raises:
            ResourceError: a folder cannot be read, or something cannot be removed.
        """
        return [*collect(self.images, dry_run=dry_run), *collect(self.models, dry_run=dry_run)]

    def sidecar(self, key: str) -> dict[str, Any]:
        """Return what was noted of the run that made an entry; empty when nothing was."""
        try:
            noted: dict[str, Any] = json.loads(self.path(key).with_suffix(".json").read_text())
        except (OSError, ValueError):
            return {}
        return noted


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise UsageError(f"there is no home folder to keep models in; name a folder with {HOME}") from error


def _aside(path: Path) -> Path:
    return path.with_suffix(".damaged")


def _set_aside(path: Path) -> None:
    try:
        with contextlib.suppress(FileNotFoundError):  # another process has set it aside
            path.replace(_aside(path))
    except OSError as error:
        raise ResourceError(
            f"cannot set a damaged entry aside: {error.strerror or error} ({path}); remove it"
        ) from error


def _mapped(path: Path) -> bytes | memoryview:
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return b""  # nothing can be mapped, and it is set aside like any other damage
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))


def _entry(content: bytes | memoryview, key: str) -> Entry:
    tensors = load_tensors(content) if isinstance(content, bytes) else tensors_in(content)
    # the format: eight bytes with the length of a JSON header, the header, the values
    length = int.from_bytes(content[:8], "little")
    header = json.loads(json.loads(bytes(content[8 : 8 + length]))["__metadata__"]["fpframe"])
    facts: dict[str, Any] = header["facts"]
    sound = header["digest"] == tensors_digest(tensors) and header["facts_digest"] == content_key(facts)
    if header["key"] != key or not sound:
        raise ValueError("the content does not match its digest")
    return Entry(tensors, facts)
