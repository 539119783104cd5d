"""Who owns which training images: they are divided once, by the recipe's seed."""

from __future__ import annotations

from itertools import pairwise

import attrs
import numpy as np
import torch

from fpframe.dataset import Dataset, Images
from fpframe.errors import DataError
from fpframe.recipe import Partition
from fpframe.rng import generator


@attrs.frozen(eq=False)
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

    def part(self, name: str) -> Images:
        """Return a part by its name."""
        images: Images = getattr(self, name)
        return images


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
