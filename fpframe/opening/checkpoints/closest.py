"""`choose_closest`: the weights of a file that come closest to those of a network, where not all have to fit."""

from __future__ import annotations

from fpframe.errors import ModelError
from fpframe.opening.checkpoints.choosing import ROOT, Place, choose, find_named, find_places
from fpframe.opening.checkpoints.contents import Contents
from fpframe.opening.checkpoints.spelling import is_plain
from fpframe.opening.checkpoints.wanted import Wanted, few


def choose_closest(contents: Contents, wanted: Wanted, key: str | None) -> Place:
    """Return the weights of a network where they lie in a file, or what shares most names and shapes with them.

    Args:
        contents: the file.
        wanted: what the network wants.
        key: the place that somebody named; `ROOT` for the file itself.

    Raises:
        ModelError: it holds no weights, or several that are as close and differ.
    """
    key = None if key is None else key.strip(".") or ROOT
    places = find_places(contents, wanted, key)
    if not contents.entries or any(place.fits for place in places):
        return choose(contents, wanted, key)[0]
    if key is not None:
        places = find_named(places, key, contents)
    counts = [len(place.alike) for place in places]
    closest = {
        frozenset(place.alike.values()): place
        for place, count in zip(places, counts, strict=True)
        if count == max(counts)
    }
    plain = [place for place in closest.values() if is_plain(place.prefix)] or list(closest.values())
    if len(plain) > 1 and max(counts):
        keys = few((f"'{place.key}'" for place in plain), 8)
        raise ModelError(
            f"several weights come as close to the network, those under {keys} ({contents.path}); name one with "
            "--checkpoint-key"
        )
    return plain[0]
