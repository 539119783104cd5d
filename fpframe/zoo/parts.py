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
#: The names of parts, for messages.
PART_WORDS = "victim, thief, pool, or overlap:r with r in [0, 1]"


def is_part(name: object) -> bool:
    """Tell whether `Parts.part` knows a name."""
    if not isinstance(name, str) or not name.startswith(OVERLAP):
        return name in ("victim", "thief", "pool")
    try:
        return 0 <= float(name.removeprefix(OVERLAP)) <= 1
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

    def __getstate__(self) -> dict[str, Any]:
        # what overlaps can be put together again where it is unpickled
        return {"victim": self.victim, "thief": self.thief, "pool": self.pool, "_overlapping": {}}

    def part(self, name: str) -> Images:
        """Return a part by its name.

        ``overlap:r`` has as many images as the victim's part: a fraction r of these, and others from the thief's.
        """
        if name.startswith(OVERLAP):
            if name not in self._overlapping:
                self._overlapping[name] = self._overlap(float(name.removeprefix(OVERLAP)))
            return self._overlapping[name]
        images: Images = getattr(self, name)
        return images

    def _overlap(self, fraction: float) -> Images:
        shared = round(fraction * len(self.victim))
        own = len(self.victim) - shared
        if own > len(self.thief):
            raise DataError(
                f"{own} images that the victim has not seen are needed for an overlap of {fraction:g}, but the thief's "
                f"share is {len(self.thief)}; give it more in [partition] of the recipe"
            )
        # both parts lie in random order, unless an owner listed the victim's images; these are drawn evenly then
        seen = torch.linspace(0, len(self.victim) - 1, shared).round().long()
        parts = (self.victim[seen], self.thief[:own])
        return Images(torch.cat([part.images for part in parts]), torch.cat([part.labels for part in parts]))


def partition(dataset: Dataset, shares: Partition, *, seed: int, victim_indices: np.ndarray | None = None) -> Parts:
    """Divide the training images.

    Args:
        dataset: the data.
        shares: proportions.
        seed: decides who gets what.
        victim_indices: indices of the training images that an outside victim has seen; the others are divided among
            thief and pool. ``None`` divides all three by the shares.

    Raises:
        DataError: a part would be empty, or the indices do not fit the data.
    """
    count = len(dataset.train)
    order = torch.randperm(count, generator=generator(seed, "partition"))
    if victim_indices is not None:
        seen = torch.zeros(count, dtype=torch.bool)
        seen[_checked(victim_indices, count)] = True
        # sorted, so that the order in which the indices are listed decides nothing
        parts = [seen.nonzero().flatten(), *_divide(order[~seen[order]], [shares.thief, shares.pool])]
    else:
        parts = _divide(order, [shares.victim, shares.thief, shares.pool])
    for name, part in zip(("victim", "thief", "pool"), parts, strict=True):
        if len(part) < 2:
            raise DataError(
                f"the {name}'s share of {count} training images is {len(part)} ({dataset.address}); "
                "give it more in [partition] of the recipe, or name fewer victim indices"
            )
    return Parts(*[dataset.train[part] for part in parts])


def _divide(order: torch.Tensor, shares: list[int]) -> list[torch.Tensor]:
    edges = np.cumsum([0, *shares]) * len(order) // sum(shares)
    return [order[start:stop] for start, stop in pairwise(edges)]


def _checked(indices: np.ndarray, count: int) -> torch.Tensor:
    if indices.ndim != 1 or indices.dtype.kind not in "iu" or len(indices) == 0:
        raise DataError(f"victim indices must be a list of whole numbers, got {indices.dtype} {indices.shape}")
    if int(indices.min()) < 0 or int(indices.max()) >= count:
        raise DataError(f"victim indices must lie in 0..{count - 1}, found {indices.min()}..{indices.max()}")
    return torch.from_numpy(indices.astype(np.int64))
