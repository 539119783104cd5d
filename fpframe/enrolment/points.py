"""How far the score of a single view hangs on the choice of its points, by drawing the points again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from fpframe.rng import derive_seed

#: Draws of the points for an interval.
RESAMPLES = 1000
#: Lengths below this are rounding errors.
_NOISE = 1e-12


def drawn_points(queries: int) -> Tensor:
    """Return how often each of Q queries is drawn when as many are drawn with replacement, ``(RESAMPLES, Q)``."""
    source = np.random.default_rng(derive_seed(0, "bootstrap over points", queries))
    counts = source.multinomial(queries, np.full(queries, 1 / queries), size=RESAMPLES)
    return torch.from_numpy(counts).double()


def drawn_cosines(encoder: nn.Module, ours: Tensor, theirs: Tensor, drawn: Tensor) -> Tensor | None:
    """Return the cosine ``(R,)`` of two embeddings ``(1, E)`` for each draw of queries ``(R, Q)``.

    ``None`` where the encoder does not say which part of an embedding is of which query; see `fpframe.Encoder`.
    """
    by_query: Callable[[Tensor, int], Tensor] | None = getattr(encoder, "by_query", None)
    if by_query is None:
        return None
    ours, theirs = (by_query(each, drawn.shape[1])[0].double() for each in (ours, theirs))
    products, ours_squared, theirs_squared = (
        drawn @ (one * other).sum(1) for one, other in ((ours, theirs), (ours, ours), (theirs, theirs))
    )
    return products / (ours_squared * theirs_squared).sqrt().clamp_min(_NOISE)


def middle(values: Tensor) -> tuple[float, float]:
    """Return the 2.5 % and 97.5 % quantiles of values ``(R,)``."""
    low, high = np.quantile(values.numpy(), [0.025, 0.975])
    return float(low), float(high)
