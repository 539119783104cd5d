"""`remember`: make something once, keep it in the store, and know what it took to make."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import attrs
from torch import Tensor

from fpframe.base import content_key
from fpframe.store.store import Store


@attrs.frozen(eq=False)
class Remembered:
    """Something that was made, now or in an earlier run.

    Attributes:
        tensors: by name.
        seconds: the time that it took when it was made, so that a run that found it reports what it costs.
        found: whether it was made in an earlier run.
    """

    tensors: dict[str, Tensor]
    seconds: float
    found: bool


def remember(
    store: Store | None,
    identity: list[Any],
    make: Callable[[], dict[str, Tensor]],
    *,
    spared: Callable[[], float] = lambda: 0.0,
) -> Remembered:
    """Return what is stored under `identity`, or make it and store it.

    Args:
        store: where it is kept; ``None`` makes it anew.
        identity: JSON-able; whatever changes the result must change it.
        make: returns the tensors.
        spared: asked after it, returns what it would have taken longer, had it not found some of its work done.
    """
    key = _key(identity)
    entry = store.load(key) if store is not None else None
    if store is not None and entry is not None:
        return Remembered(entry.tensors, recall_seconds(store, identity), found=True)
    started = time.monotonic()
    tensors = make()
    seconds = time.monotonic() - started + spared()
    if store is not None:
        store.save(key, tensors, {"kind": str(identity[0])}, sidecar={"seconds": seconds})
    return Remembered(tensors, seconds, found=False)


def recall_seconds(store: Store, identity: list[Any]) -> float:
    """Return the time that something took when it was made; 0 when it was not."""
    return float(store.sidecar(_key(identity)).get("seconds", 0.0))


def _key(identity: list[Any]) -> str:
    return content_key(["remembered", *identity])
