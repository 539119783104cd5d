"""`Store`: trained models and data on disk, by content key, durable and checked on every read.

One entry is one safetensors file, written to a temporary name, synced and renamed, so that an entry is either whole
or absent, also after a crash and with several processes at work.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import attrs
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as dump_tensors
from torch import Tensor

from fpframe.digest import canonical_json, content_key, tensors_digest
from fpframe.errors import ResourceError

#: Environment variable that moves the store.
HOME = "FPFRAME_HOME"


def dump(tensors: dict[str, Tensor], facts: dict[str, Any]) -> bytes:
    """Return a safetensors file whose bytes depend on the content alone.

    The format keeps metadata in no fixed order, so all of it is one JSON string under one key. It refuses tensors that
    share memory, such as tied weights, so each is copied.
    """
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in sorted(tensors.items())}
    return dump_tensors(plain, metadata={"fpframe": canonical_json(facts)})


def write_durably(path: Path, content: bytes) -> None:
    """Write a file so that it is whole or absent: temporary file, fsync, rename, fsync of the folder.

    Raises:
        ResourceError: the disk is full or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o666 & ~_umask())  # mkstemp makes files that nobody else can read
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        if sys.platform != "win32":
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise ResourceError(
            f"cannot write: {error.strerror or error} ({path}); free space, or choose another folder"
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@attrs.frozen
class Entry:
    """What was stored under a key.

    Attributes:
        tensors: by name.
        facts: what is known of it, such as its accuracy; the same for the same key.
    """

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


@attrs.frozen
class Store:
    """A folder of entries. Several processes may share it."""

    root: Path

    @classmethod
    def default(cls) -> Store:
        """Return the store in ``FPFRAME_HOME``, or in the user's cache folder."""
        if os.environ.get(HOME):
            return cls(Path(os.environ[HOME]))
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return cls(Path(cache) / "fpframe")

    def path(self, key: str) -> Path:
        """Return where the entry of that key lies."""
        return self.root / "models" / key[:2] / f"{key}.safetensors"

    def has(self, key: str) -> bool:
        """Tell whether there is an entry, without checking it."""
        return self.path(key).exists()

    def save(self, key: str, tensors: dict[str, Tensor], facts: dict[str, Any], *, sidecar: dict[str, Any]) -> None:
        """Write an entry. `sidecar` holds what differs from run to run (seconds, machine) and is in no digest."""
        write_durably(self.path(key).with_suffix(".json"), canonical_json(sidecar).encode())
        digests = {"digest": tensors_digest(tensors), "facts_digest": content_key(facts)}
        content = dump(tensors, {"key": key, "facts": facts, **digests})
        write_durably(self.path(key), content)

    def load(self, key: str) -> Entry | None:
        """Return the entry, or ``None`` when there is none; a damaged one is set aside and counts as absent.

        Raises:
            ResourceError: the file is there but cannot be read, which does not make it a damaged one.
        """
        path = self.path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ResourceError(f"cannot read: {error.strerror or error} ({path}); check the store's folder") from error
        try:
            return _entry(content, key)
        except (SafetensorError, ValueError, KeyError, TypeError):
            with contextlib.suppress(FileNotFoundError):  # another process has set it aside
                path.replace(path.with_suffix(".damaged"))
            return None

    def sidecar(self, key: str) -> dict[str, Any]:
        """Return what was noted of the run that made an entry; empty when nothing was."""
        try:
            noted: dict[str, Any] = json.loads(self.path(key).with_suffix(".json").read_text())
        except (OSError, ValueError):
            return {}
        return noted


def _entry(content: bytes, key: str) -> Entry:
    tensors = load_tensors(content)
    # the format: eight bytes with the length of a JSON header, the header, the values
    length = int.from_bytes(content[:8], "little")
    header = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["fpframe"])
    facts: dict[str, Any] = header["facts"]
    sound = header["digest"] == tensors_digest(tensors) and header["facts_digest"] == content_key(facts)
    if header["key"] != key or not sound:
        raise ValueError("the content does not match its digest")
    return Entry(tensors, facts)
