"""What the reader of a verdict should know of how weights were found in a file and put into a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from fpframe.base import Note
from fpframe.opening.checkpoints.choosing import Place
from fpframe.opening.checkpoints.wanted import few


def liberties(place: Place, others: Sequence[Place]) -> tuple[Note, ...]:
    """Return a note for each liberty that was taken with a file.

    Args:
        place: where the weights were found.
        others: where other weights of the network lie, that were not taken.
    """
    return tuple(Note(code, text) for code, text in _liberties(place, others))


def _liberties(place: Place, others: Sequence[Place]) -> Iterator[tuple[str, str]]:
    contents, taken = place.contents, place.taken
    if place.prefix or place.inserted:
        words = ", without the words that wrappers put into names" if place.inserted else ""
        yield "weights-located", f"The weights were taken from what the file has under '{place.key}'{words}."
    if others:
        keys = " and ".join(f"'{other.key}'" for other in others)
        yield (
            "weights-averaged",
            f"The file holds averaged weights (EMA or SWA) beside others, and the averaged ones under '{place.key}' "
            f"were taken. For those under {keys}, say --checkpoint-key {others[0].key}.",
        )
    if place.left:
        yield "weights-left-out", f"The network has no place for these tensors, which were left out: {few(place.left)}."
    tools = dict.fromkeys(place.folded[full].tool for full in taken.values() if full in place.folded)
    if tools:
        yield (
            "weights-folded",
            f"Weights that {' and '.join(tools)} had taken apart were put together again, as the network does itself "
            "before it answers.",
        )
    mains = {name: place.likes[have] for name, have in place.wanted.of(place.likes).items()}
    casts = dict.fromkeys(
        f"{_name(like.dtype)} to {_name(place.wanted.tensors[name].dtype)}"
        for name, like in mains.items()
        if like.is_floating_point() and like.dtype != place.wanted.tensors[name].dtype
    )
    if casts:
        yield "weights-converted", f"Weights were converted from {', '.join(casts)}."
    if any(contents.entries[full].was_array for full in taken.values() if full in contents.entries):
        yield "weights-converted", "The weights lay in the file as arrays of NumPy."
    absent = [name for name in place.wanted.tensors if name not in taken or taken[name] != place.names.get(name)]
    if absent:
        yield (
            "weights-completed",
            f"The file lacks {few(absent)}: weights that are tied to others, which it has, or counters that no answer "
            "depends on.",
        )
    whole = [kind for where, kind in contents.networks.items() if place.prefix.startswith(f"{where}.".lstrip("."))]
    if whole:
        yield (
            "weights-of-network",
            f"The file holds a whole pickled network of {whole[0]}. Its weights were put into {place.wanted.who}, and "
            "its own code, which may prepare images in another way, was not run.",
        )
    if contents.named:
        yield (
            "objects-not-loaded",
            f"The file names {few(contents.named)}, which were neither imported nor called.",
        )


def _name(kind: torch.dtype) -> str:
    return str(kind).removeprefix("torch.")
