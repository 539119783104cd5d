"""`gathered`: the rows of many batches in one tensor, without holes in memory."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


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
