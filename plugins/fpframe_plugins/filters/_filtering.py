"""Random numbers for filters, drawn image by image.

Not a plugin: the filters that draw use it.
"""

from __future__ import annotations

import torch
from torch import Tensor


def normal_like(rows: Tensor, source: torch.Generator) -> Tensor:
    """Return standard normal numbers in the shape of `rows`, which starts with the number of images.

    torch draws a long tensor in another order than its parts. Drawn one by one, the numbers do not depend on how images
    were cut into batches.
    """
    return torch.stack([torch.randn(rows.shape[1:], generator=source) for _ in range(len(rows))])


def coins(count: int, probability: float, source: torch.Generator) -> Tensor:
    """Return ``(count,)`` booleans that are true with `probability`, one draw for each."""
    return torch.stack([torch.rand((), generator=source) for _ in range(count)]) < probability
