"""How many images a network is asked at once, and the rows of many batches in one tensor."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

#: Images that a network is asked at once at most.
_MOST = 512
#: Numbers in the images that are asked at once, at most: 16 photographs of 224 pixels. What the layers make of these
#: takes many times as much memory, and while it fits into the processor's caches an image takes half the time.
_NUMBERS = 16 * 3 * 224 * 224


def asked_at_once(image_shape: Sequence[int]) -> int:
    """Return how many images a network is asked at once: 512, or fewer where they are larger than 3x39x39."""
    fitting = max(1, _NUMBERS // math.prod(image_shape))
    return min(_MOST, 1 << (fitting.bit_length() - 1))


def gathered(count: int, batches: Iterable[Tensor]) -> Tensor:
    """Return the rows of batches as one tensor ``(count, ...)``; each is copied when it comes.

    A list of them would do the same, but small results that stay among large tensors that go keep the room of these
    from being used again: memory then grows with the number of batches.

    Args:
        count: rows in all.
        batches: tensors of equal type and equal shape but for their rows.
    """
    made, done = torch.empty(0), 0
    for batch in batches:
        if len(batch) == count:
            return batch
        if not done:
            made = batch.new_empty(count, *batch.shape[1:])
        made[done : done + len(batch)] = batch
        done += len(batch)
    return made
