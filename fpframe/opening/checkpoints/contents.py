"""`Contents`: which tensors lie in a file of weights, under which names, before they are read."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from safetensors import SafetensorError, safe_open
from torch import Tensor

from fpframe.base import parse_json, read_file, why_unread
from fpframe.errors import ModelError, first_line
from fpframe.opening.checkpoints.child import CONTENTS, TENSORS
from fpframe.opening.checkpoints.kinds import looks_like_safetensors, looks_pickled, refuse_other_kinds
from fpframe.opening.checkpoints.pickled import printable, take_out
from fpframe.opening.modelfiles import existing_file
from fpframe.opening.safetensorsheader import Header

#: How the list of the parts of one model ends.
INDEX_SUFFIX = ".index.json"
#: Suffixes of the files that are read, for messages and for whoever looks for such files; what they hold decides how.
SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".pkl", ".tar", INDEX_SUFFIX)
#: Bytes of such a list, and of what the reader of pickles tells, at most.
_MOST = 64 * 2**20
#: How a part of a model is called.
_PART = re.compile(r"(.*)-\d{5}-of-\d{5}\.(safetensors|bin)")


@attrs.frozen(kw_only=True)
class Entry:
    """One tensor of a file.

    Attributes:
        group: the mapping that it lies in, by the dotted name of that; empty for the file itself.
        file: the safetensors file that it is read from.
        key: what it is called there.
        like: its shape and type, on the device ``meta``.
        was_array: whether it was an array of NumPy.
    """

    group: str
    file: Path
    key: str
    like: Tensor
    was_array: bool = False


@attrs.frozen(kw_only=True)
class Contents:
    """The tensors of a file of weights.

    Attributes:
        path: the file.
        entries: by full name, such as ``state_dict.model.conv.weight``.
        odd: by full name, what kind of tensor cannot be read.
        networks: by the dotted name of where it lies, the class of a whole pickled network.
        named: classes and functions that a pickle named, and that were not imported.
    """

    path: Path
    entries: Mapping[str, Entry]
    odd: Mapping[str, str] = attrs.field(factory=dict)
    networks: Mapping[str, str] = attrs.field(factory=dict)
    named: tuple[str, ...] = ()

    def read(self, names: Iterable[str]) -> dict[str, Tensor]:
        """Return the tensors of these full names.

        Raises:
            ModelError: they cannot be read.
        """
        found: dict[str, Tensor] = {}
        for file, entries in _by_file((name, self.entries[name]) for name in names).items():
            try:
                with safe_open(file, framework="pt") as opened:
                    found |= {name: opened.get_tensor(entry.key) for name, entry in entries}
            except (SafetensorError, OSError, ValueError) as error:
                raise ModelError(
                    f"'{self.path}' is not a whole safetensors file: {first_line(error)}; get a fresh copy"
                ) from error
        return found


@contextmanager
def open_contents(path: Path) -> Iterator[Contents]:
    """Find out which tensors lie in a file, by what it holds and not by what it is called.

    Raises:
        ModelError: it is missing, damaged or refused, or another kind of file.
    """
    with tempfile.TemporaryDirectory(prefix="fpframe-") as folder:
        parts = index_parts(path) if path.name.lower().endswith(INDEX_SUFFIX) else (path,)
        found = [_part(part, Path(folder, str(number))) for number, part in enumerate(parts)]
        entries: dict[str, Entry] = {}
        for part in found:
            if twice := entries.keys() & part.entries.keys():
                raise ModelError(f"two parts hold '{min(twice)}' ({path}); get a fresh copy")
            entries |= part.entries
        yield Contents(
            path=path,
            entries=entries,
            odd={name: kind for part in found for name, kind in part.odd.items()},
            networks={name: kind for part in found for name, kind in part.networks.items()},
            named=tuple(dict.fromkeys(name for part in found for name in part.named)),
        )


def index_parts(path: Path) -> tuple[Path, ...]:
    """Return the files that a list of the parts of a model names, which lie beside it.

    Raises:
        ModelError: it is no such list, or a part lies elsewhere or is missing.
    """
    try:
        weight_map = parse_json(read_file(path, most=_MOST))["weight_map"]
        names = sorted(set(weight_map.values()))
        if not names or not all(isinstance(name, str) for name in names):
            raise ValueError("no files")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = why_unread(error) if isinstance(error, OSError) else "it names no files under 'weight_map'"
        raise ModelError(f"'{path}' is not a list of the parts of a model: {why}; get a fresh copy") from error
    for name in names:
        if Path(name).name != name or name in ("", ".", ".."):
            raise ModelError(
                f"a part of the model lies elsewhere: '{printable(name)}' ({path}); put it beside the list"
            )
        if not (path.parent / name).is_file():
            raise ModelError(f"a part of the model is missing: '{printable(name)}' ({path}); get all files of it")
    return tuple(existing_file(str(path.parent / name)) for name in names)


def missing_parts(path: Path) -> str:
    """Return what to do about a file that is one part of a model; empty where it is none."""
    part = _PART.fullmatch(path.name)
    return f"it is one of several parts; name {part[1]}.{part[2]}{INDEX_SUFFIX} in its place" if part else ""


def _part(path: Path, folder: Path) -> Contents:
    if looks_like_safetensors(path) or (path.suffix.lower() == ".safetensors" and not looks_pickled(path)):
        tensors = Header.of(path).tensors
        return Contents(
            path=path, entries={name: Entry(group="", file=path, key=name, like=like) for name, like in tensors.items()}
        )
    refuse_other_kinds(path)
    if not (looks_pickled(path) or path.name.lower().endswith(SUFFIXES)):
        raise ModelError(f"'{path}' holds no weights that can be read; known files: {', '.join(SUFFIXES)}")
    folder.mkdir()
    take_out(path, folder)
    try:
        return _told(path, folder, parse_json(read_file(folder / CONTENTS, most=_MOST)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"'{path}' is refused: the process that read it said nothing of use") from error


def _told(path: Path, folder: Path, told: Any) -> Contents:
    """Return what the child told of, checked; its words are a stranger's."""
    file = folder / TENSORS
    likes = Header.of(file).tensors
    entries: dict[str, Entry] = {}
    odd: dict[str, str] = {}
    networks: dict[str, str] = {}
    for group in told["groups"]:
        place = ".".join(map(str, group["path"]))
        arrays = set(group["arrays"])
        for name, number in group["tensors"].items():
            full, like = _join(place, name), likes[str(number)]
            entries[full] = Entry(group=place, file=file, key=str(number), like=like, was_array=name in arrays)
        odd |= {_join(place, name): printable(str(kind)) for name, kind in group["odd"].items()}
        if group["network"]:
            networks[place] = printable(str(group["network"]))
    return Contents(
        path=path, entries=entries, odd=odd, networks=networks, named=tuple(printable(str(n)) for n in told["named"])
    )


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _by_file(entries: Iterable[tuple[str, Entry]]) -> dict[Path, list[tuple[str, Entry]]]:
    found: dict[Path, list[tuple[str, Entry]]] = {}
    for name, entry in entries:
        found.setdefault(entry.file, []).append((name, entry))
    return found
