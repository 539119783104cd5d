"""Who owns which training images: they are divided once, by the recipe's seed."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import attrs
import numpy as np
import torch

from fpframe.errors import DataError
from fpframe.models import Dataset, Images
from fpframe.recipe import Partition
from fpframe.rng import generator

#: Begins the name of a part that shares a fraction of the victim's images, such as ``overlap:0.5``.
OVERLAP = "overlap:"
#: What parts can be taken whole, or a fraction of each as in ``thief:0.5``.
WHOLE = ("victim", "thief", "pool", "everything")
#: The names of parts, for messages.
PART_WORDS = f"{', '.join(WHOLE)}, a fraction of one of these such as thief:0.5, or overlap:r with r in [0, 1]"


def is_part(name: object) -> bool:
    """Tell whether `Parts.part` knows a name."""
    if not isinstance(name, str):
        return False
    part, colon, fraction = name.partition(":")
    if not colon:
        return name in WHOLE
    try:
        return 0 <= float(fraction) <= 1 if f"{part}:" == OVERLAP else part in WHOLE and 0 < float(fraction) <= 1
    except ValueError:
        return False


@attrs.frozen(eq=False, slots=False)
class Parts:
    """The training images, divided.

    Attributes:
        victim: what the victim and the independent models are trained on.
        thief: what thieves own.
        pool: what query points are drawn from.
    """

    victim: Images
    thief: Images
    pool: Images
    _overlapping: dict[str, Images] = attrs.field(factory=dict, init=False)
    _digests: dict[str, str] = attrs.field(factory=dict, init=False)

    def __getstate__(self) -> dict[str, Any]:
        # what overlaps can be put together again where it is unpickled
        return {
            "victim": self.victim,
            "thief": self.thief,
            "pool": self.pool,
            "_overlapping": {},
            "_digests": self._digests,
        }

    def part(self, name: str) -> Images:
        """Return a part by its name.

        ``everything`` is all three parts, and ``thief:0.5`` half of the thief's. ``overlap:r`` has as many images as
        the victim's part: a fraction r of these, and others from the thief's.
        """
        if name in ("victim", "thief", "pool"):
            images: Images = getattr(self, name)
            return images
        if name.startswith(OVERLAP):
            if name not in self._overlapping:
                self._overlapping[name] = self._overlap(float(name.removeprefix(OVERLAP)))
            return self._overlapping[name]
        part, _, fraction = name.partition(":")
        whole = self.victim.joined(self.thief, self.pool) if part == "everything" else self.part(part)
        return whole[_evenly(len(whole), max(2, round(float(fraction) * len(whole))))] if fraction else whole

    def digest(self, name: str) -> str:
        """Return the digest of a part, by which models that learn from it are found again."""
        if name not in self._digests:
            self._digests[name] = self.part(name).digest
        return self._digests[name]

    def _overlap(self, fraction: float) -> Images:
        shared = round(fraction * len(self.victim))
        own = len(self.victim) - shared
        if own > len(self.thief):
            raise DataError(
                f"{own} images that the victim has not seen are needed for an overlap of {fraction:g}, but the thief's "
                f"share is {len(self.thief)}; give it more in [partition] of the recipe"
            )
        return self.victim[_evenly(len(self.victim), shared)].joined(self.thief[:own])


def partition(
    dataset: Dataset,
    shares: Partition,
    *,
    seed: int,
    victim_indices: np.ndarray | None = None,
    pool: Images | None = None,
) -> Parts:
    """Divide the training images.

    Args:
        dataset: the data.
        shares: proportions.
        seed: decides who gets what.
        victim_indices: indices of the training images that an outside victim has seen; the others are divided among
            thief and pool. ``None`` divides all three by the shares.
        pool: images that are the pool, which gets no share then.

    Raises:
        DataError: a part would be empty, or the indices do not fit the data.
    """
    count = len(dataset.train)
    order = torch.randperm(count, generator=generator(seed, "partition"))
    others = [shares.thief] if pool is not None else [shares.thief, shares.pool]
    if victim_indices is not None:
        seen = torch.zeros(count, dtype=torch.bool)
        seen[_checked(victim_indices, count)] = True
        # sorted, so that the order in which the indices are listed decides nothing
        parts = [seen.nonzero().flatten(), *_divide(order[~seen[order]], others)]
    else:
        parts = _divide(order, [shares.victim, *others])
    for name, part in zip(("victim", "thief", "pool"), parts, strict=False):
        if len(part) < 2:
            raise DataError(
                f"the {name}'s share of {count} training images is {len(part)} ({dataset.address}); "
                "give it more in [partition] of the recipe, or name fewer victim indices"
            )
    given = [] if pool is None else [pool]
    return Parts(*[dataset.train[part] for part in parts], *given)


def _divide(order: torch.Tensor, shares: list[int]) -> list[torch.Tensor]:
    edges = np.cumsum([0, *shares]) * len(order) // sum(shares)
    return [order[start:stop] for start, stop in pairwise(edges)]


def _checked(indices: np.ndarray, count: int) -> torch.Tensor:
    if indices.ndim != 1 or indices.dtype.kind not in "iu" or len(indices) == 0:
        raise DataError(f"victim indices must be a list of whole numbers, got {indices.dtype} {indices.shape}")
    if int(indices.min()) < 0 or int(indices.max()) >= count:
        raise DataError(f"victim indices must lie in 0..{count - 1}, found {indices.min()}..{indices.max()}")
    return torch.from_numpy(indices.astype(np.int64))


def _evenly(available: int, count: int) -> torch.Tensor:
    """Return indices all over a part: parts lie in random order, unless an owner listed the victim's images."""
    return torch.linspace(0, available - 1, count).round().long()
