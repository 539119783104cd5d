"""`liberties`: what the reader of a verdict should know of how weights were found in a file and put into a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from fpframe.base import Note
from fpframe.opening.checkpoints.choosing import Place
from fpframe.opening.checkpoints.wanted import few

#: Stands in the notes for whose file it is.
WHOSE = "{whose}"


def liberties(place: Place, others: Sequence[Place]) -> tuple[Note, ...]:
    """Return a note for each liberty that was taken with a file; `WHOSE` stands for whose it is.

    Args:
        place: where the weights were found.
        others: where other weights of the network lie, which were not taken.
    """
    return (*_where(place, others), *_what(place), *_around(place))


def _where(place: Place, others: Sequence[Place]) -> Iterator[Note]:
    file = f"The {WHOSE}'s file"
    if place.prefix or place.inserted:
        words = ", without the words that wrappers put into names" if place.inserted else ""
        yield Note("weights-located", f"The weights lay under '{place.key}' in the {WHOSE}'s file{words}.")
    if others:
        keys = " and ".join(f"'{other.key}'" for other in others)
        yield Note(
            "weights-averaged",
            f"{file} holds averaged weights (EMA or SWA) beside others, and the averaged ones under '{place.key}' were "
            f"taken. For those under {keys}, say --checkpoint-key {others[0].key}.",
        )
    if place.left:
        yield Note("weights-left-out", f"{file} also holds tensors that were left out: {few(place.left)}.")


def _what(place: Place) -> Iterator[Note]:
    wanted, likes, taken = place.wanted, place.likes, place.taken
    tools = dict.fromkeys(place.folded[full].tool for full in taken.values() if full in place.folded)
    if tools:
        yield Note(
            "weights-folded",
            f"Weights in the {WHOSE}'s file that {' and '.join(tools)} had taken apart were put together again, as the "
            "network itself does before it answers.",
        )
    pairs = {(likes[have].dtype, wanted.tensors[name].dtype) for name, have in wanted.of(likes).items()}
    casts = sorted(
        f"{_name(given)} to {_name(own)}" for given, own in pairs if given.is_floating_point and given != own
    )
    if casts:
        yield Note("weights-converted", f"Weights in the {WHOSE}'s file were converted from {', '.join(casts)}.")
    if any(place.contents.entries[full].was_array for full in taken.values() if full in place.contents.entries):
        yield Note("weights-converted", f"The weights lay in the {WHOSE}'s file as arrays of NumPy.")
    absent = [name for name in wanted.tensors if taken.get(name, "") != place.names.get(name)]
    if absent:
        yield Note(
            "weights-completed",
            f"The {WHOSE}'s file lacks {few(absent)}: weights that are tied to others, which it has, or counters that "
            "no answer depends on.",
        )


def _around(place: Place) -> Iterator[Note]:
    contents = place.contents
    whole = [kind for where, kind in contents.networks.items() if not where or place.prefix.startswith(f"{where}.")]
    if whole:
        yield Note(
            "weights-of-network",
            f"The {WHOSE}'s file holds a whole pickled network of {whole[0]}. Its weights were put into "
            f"{place.wanted.who}, and its own code, which may prepare images in another way, was not run.",
        )
    if contents.named:
        yield Note(
            "objects-not-loaded",
            f"The {WHOSE}'s file names {few(contents.named)}; nothing of that was imported or called.",
        )


def _name(kind: torch.dtype) -> str:
    return str(kind).removeprefix("torch.")
