"""Unit embeddings for encoders that learn nothing, whatever a model answers.

Not a plugin: encoders use it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

#: Features below this are rounding errors of float32 probabilities.
NOISE = 1e-6


def unit_norm(features: Tensor) -> Tensor:
    """Return `features` ``(B, E)`` with one more coordinate, ``(B, E + 1)``, at unit L2 norm.

    The new coordinate is 1 where all features are 0, otherwise 0: answers that say nothing resemble one another alone.
    Rows that are not finite stay so, for a verdict must see them.
    """
    silent = (features.abs() < NOISE).all(1, keepdim=True).to(features.dtype)
    return F.normalize(torch.cat([features, silent], dim=1), dim=1)
