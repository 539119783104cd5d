"""`choose`: which of the tensors of a file are the weights of a network. What could be two things is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import attrs
import torch
from torch import Tensor

from fpframe.errors import ModelError
from fpframe.opening.checkpoints.contents import Contents, missing_parts
from fpframe.opening.checkpoints.folding import Folded, fold
from fpframe.opening.checkpoints.spelling import is_average, is_plain, spellings
from fpframe.opening.checkpoints.wanted import Wanted, few, is_counter

#: What names the file itself, and no container in it.
ROOT = "."


@attrs.frozen(kw_only=True)
class Place:
    """The tensors that lie under one prefix of a file.

    Attributes:
        contents: the file.
        wanted: what the network wants.
        prefix: what their names begin with; empty, or ends in a dot.
        names: by name without the prefix, the full name.
        folded: by full name, the weights that are put together of others.
        left: full names of further tensors of the mappings that they lie in.
        inserted: whether wrappers had inserted words into names.
    """

    contents: Contents
    wanted: Wanted
    prefix: str
    names: Mapping[str, str]
    folded: Mapping[str, Folded]
    left: tuple[str, ...] = ()
    inserted: bool = False

    @property
    def likes(self) -> dict[str, Tensor]:
        """By name without the prefix, tensors of the shapes and types."""
        return {name: _like(self.contents, full, self.folded) for name, full in self.names.items()}

    @property
    def taken(self) -> dict[str, str]:
        """By name in the network, the full name of what it takes."""
        return {name: self.names[have] for name, have in self.wanted.of(self.likes).items()}

    @property
    def alike(self) -> dict[str, str]:
        """By name in the network, the full name of what has its shape, whatever kind of numbers it holds."""
        likes = self.likes
        return {
            name: self.names[name]
            for name, value in self.wanted.tensors.items()
            if name in likes and likes[name].shape == value.shape
        }

    @property
    def fits(self) -> bool:
        """Whether everything is there, and nothing else."""
        return not self.wanted.misfits(self.likes)

    @property
    def key(self) -> str:
        """What names it."""
        return self.prefix.rstrip(".") or ROOT

    def read(self) -> dict[str, Tensor]:
        """Return the weights by name in the network.

        Raises:
            ModelError: they cannot be read, or names of one weight have different ones.
        """
        weights = self.read_some(self.taken)
        for name, twins in self.wanted.twins.items():
            for twin in twins:
                if name in weights and twin in weights and not torch.equal(weights[name], weights[twin]):
                    raise ModelError(
                        f"'{name}' and '{twin}' are one weight of the network, and differ ({self.contents.path}); "
                        "name the network that they were saved from"
                    )
        return weights

    def read_some(self, names: Mapping[str, str]) -> dict[str, Tensor]:
        """Return weights by the names of a mapping to full names.

        Raises:
            ModelError: they cannot be read.
        """
        found = self.contents.read(sorted({part for full in names.values() for part in self._parts(full)}))
        weights = {}
        for name, full in names.items():
            folded = self.folded.get(full)
            weights[name] = found[full] if folded is None else folded.make(*(found[part] for part in folded.parts))
        return weights

    def _parts(self, full: str) -> tuple[str, ...]:
        return self.folded[full].parts if full in self.folded else (full,)


def choose(contents: Contents, wanted: Wanted, key: str | None) -> tuple[Place, list[Place]]:
    """Return where the weights of a network lie, and the places that hold others of it.

    Where one of two places holds averages (EMA, SWA) of the other, the averages are chosen.

    Args:
        contents: the file.
        wanted: what the network wants.
        key: the place that somebody named; `ROOT` for the file itself.

    Raises:
        ModelError: nothing fits, or several places do and differ.
    """
    key = None if key is None else key.strip(".") or ROOT
    places = find_places(contents, wanted, key)
    if key is not None:
        places = find_named(places, key, contents)
    # what two ways to spell names find is one place
    fitting = {frozenset(place.taken.values()): place for place in reversed(places) if place.fits}
    if not fitting:
        raise _misfit(places, contents, wanted)
    different = _different(list(reversed(fitting.values())))
    if key is None:
        unknown = [place.key for place in different if not is_plain(place.prefix)]
        averages = [place for place in different if is_average(place.prefix)]
        if len(different) == 1 and unknown:
            raise ModelError(
                f"weights that fit lie under '{few(unknown)}' ({contents.path}), which may be another model than the "
                f"one that the file is about; say --checkpoint-key {few(unknown)} to have them used"
            )
        if len(different) == 2 and len(averages) == 1 and not unknown:
            return averages[0], [place for place in different if place is not averages[0]]
    if len(different) > 1:
        keys = few((f"'{place.key}'" for place in different), 8)
        raise ModelError(
            f"several weights fit and differ, those under {keys} ({contents.path}); name one with --checkpoint-key"
        )
    return different[0], []


def find_places(contents: Contents, wanted: Wanted, key: str | None) -> list[Place]:
    """Return the places whose names are those of the network at least in part, the best one first."""
    likes = {name: entry.like for name, entry in contents.entries.items()}
    folded = {whole: each for whole, each in fold(likes).items() if whole not in likes}
    groups = {name: entry.group for name, entry in contents.entries.items()}
    groups |= {whole: groups[each.main] for whole, each in folded.items()}
    places: list[Place] = []
    for number, spelled in enumerate(spellings(groups)):
        prefixes = Counter(
            name[: len(name) - len(ending)] for name in spelled for ending in _endings(name) if ending in wanted.tensors
        )
        enough = min(wanted.fewest, max(prefixes.values(), default=0))
        tried = dict.fromkeys(["", *(prefix for prefix, count in prefixes.items() if count >= enough)])
        if any(name.startswith(f"{key}.") for name in spelled):
            tried[f"{key}."] = None
        made = [_place(contents, wanted, prefix, spelled, groups, folded, number) for prefix in tried]
        places += sorted(made, key=lambda place: (not is_plain(place.prefix), is_average(place.prefix)))
    return places


def _place(
    contents: Contents,
    wanted: Wanted,
    prefix: str,
    spelled: Mapping[str, str],
    groups: Mapping[str, str],
    folded: Mapping[str, Folded],
    number: int,
) -> Place:
    under = {name.removeprefix(prefix): full for name, full in spelled.items() if name.startswith(prefix)}
    used = {groups[under[name]] for name in under if name in wanted.tensors}
    parts = {
        part for name, full in under.items() if name in wanted.tensors and full in folded for part in folded[full].parts
    }
    unwanted = {whole for name, whole in under.items() if whole in folded and name not in wanted.tensors}
    names = {
        name: full
        for name, full in under.items()
        if groups[full] in used and full not in parts and full not in unwanted
    }
    kept = set(names.values()) | parts
    left = [full for full, group in groups.items() if group in used and full not in kept and full not in folded]
    counters = [full for name, full in names.items() if is_counter(name) and name not in wanted.tensors]
    return Place(
        contents=contents,
        wanted=wanted,
        prefix=prefix,
        names=names,
        folded=folded,
        left=tuple(left + counters),
        inserted=number > 0,
    )


def _endings(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[start:]) for start in range(len(parts))]


def _like(contents: Contents, full: str, folded: Mapping[str, Folded]) -> Tensor:
    return contents.entries[folded[full].main if full in folded else full].like


def find_named(places: list[Place], key: str, contents: Contents) -> list[Place]:
    """Return the places that a key names: exactly, or else at their beginning, or else anywhere."""
    exactly = [place for place in places if place.key == key]
    beginning = [place for place in places if place.prefix.startswith(f"{key}.")]
    anywhere = [place for place in places if f".{key}." in f".{place.prefix}"]
    for found in (exactly, beginning, anywhere):
        if any(place.fits for place in found):
            return [place for place in found if place.fits]
    if not (exactly or beginning or anywhere):
        keys = few(sorted({f"'{entry.group or ROOT}'" for entry in contents.entries.values()}), 8)
        raise ModelError(f"nothing of the network lies under '{key}' ({contents.path}); the file has {keys or 'none'}")
    return exactly or beginning or anywhere


def _different(places: list[Place]) -> list[Place]:
    """Return the first of each that hold the same weights."""
    found: list[tuple[Place, dict[str, Tensor]]] = []
    for place in places:
        weights = place.read() if len(places) > 1 else {}
        if not any(_equal(weights, others) for _, others in found):
            found.append((place, weights))
    return [place for place, _ in found]


def _equal(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(is_counter(name) or torch.equal(one[name], other[name]) for name in one)


def _misfit(places: list[Place], contents: Contents, wanted: Wanted) -> ModelError:
    """Return the error that nothing fits, with what keeps the best place from it."""
    if not contents.entries:
        what, remedy = _instead(contents)
        return ModelError(f"'{contents.path}' holds no state dict, which maps names to tensors{what}; {remedy}")
    best = max(places, key=lambda place: (len(place.taken), len(place.prefix)))
    likes = best.likes
    if not best.taken:
        groups = Counter(entry.group for entry in contents.entries.values())
        start = f"{max(groups, key=lambda group: groups[group])}.".lstrip(".")
        likes = {
            name.removeprefix(start): entry.like for name, entry in contents.entries.items() if name.startswith(start)
        }
    what, remedy = _instead(contents)
    if not what and contents.entries:
        remedy = "; ".join(filter(None, [remedy, wanted.remedy(likes)]))
    return ModelError(
        f"the weights do not fit {wanted.who}: {'; '.join(wanted.misfits(likes))}{what} ({contents.path}); {remedy}"
    )


def _instead(contents: Contents) -> tuple[str, str]:
    """Return what else is known of a file whose weights do not fit, and what to do."""
    if part := missing_parts(contents.path):
        return "", part
    if contents.odd:
        kind = next(iter(contents.odd.values()))
        return f"; it holds quantised, sparse or other special tensors ({kind})", (
            "only the program that made them can run these: save the plain ones, or export the model as ONNX"
        )
    if any(name.startswith("torch.distributed") for name in contents.named):
        return "; it holds parts of tensors that lie on several machines", (
            "save the full state dict, such as with torch.distributed.checkpoint.format_utils"
        )
    if any(".lora_" in name or ".base_layer." in name for name in contents.entries):
        return "; it holds adapters", "merge them into the weights (merge_and_unload) and save those"
    if any(".parametrizations." in f".{name}" for name in contents.entries):
        return "; it holds parametrised weights", "call torch.nn.utils.parametrize.remove_parametrizations, and save it"
    if contents.networks:
        kind = next(iter(contents.networks.values()))
        return f"; it holds a whole pickled network of {kind}, whose code is not run", (
            "name the backbone that has this architecture, or load it where you trust it and give the object itself to "
            "fpframe.verify"
        )
    if contents.named and not contents.entries:
        return f"; it holds an object of {contents.named[0]}, whose code is not run", (
            "load it where you trust it, and give the object itself to fpframe.verify"
        )
    return "", "name the backbone that they were saved from" if contents.entries else "save the model's state_dict()"
