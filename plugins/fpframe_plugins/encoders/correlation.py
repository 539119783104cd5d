"""Encoder ``correlation``: which queries a model answers alike.

From "Are You Stealing My Model? Sample Correlation for Fingerprinting Deep Neural Networks" (SAC; Guan et al., NeurIPS
2022).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import ClassVar

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import fpframe
from fpframe.interfaces import Relation
from fpframe.parameters import whole
from fpframe_plugins.encoders._unit_norm import unit_norm


def upper_triangle(queries: int, most: int) -> Tensor:
    """Return pairs ``(2, E)`` of queries i < j: all of them, or `most` that are the same in every run."""
    count = math.comb(queries, 2)
    chosen = range(count) if count <= most else sorted(random.Random(0).sample(range(count), most))
    # pair number n stands in column j of the triangle, which begins at number j * (j - 1) / 2
    columns = [(1 + math.isqrt(1 + 8 * number)) // 2 for number in chosen]
    rows = [number - math.comb(column, 2) for number, column in zip(chosen, columns, strict=True)]
    return torch.tensor([rows, columns])


class CorrelationMatrix(nn.Module):
    """Answers ``(B, Q, K)`` to embeddings ``(B, E + 1)``: the cosines of E pairs of answers.

    Attributes:
        pairs: int64 ``(2, E)``; stored, so that a loaded encoder compares the same ones.
    """

    pairs: Tensor

    def __init__(self, q: int, most: int) -> None:
        super().__init__()
        self.register_buffer("pairs", upper_triangle(q, most))

    def forward(self, answers: Tensor) -> Tensor:
        """Embed answers, view by view: one matrix is in memory at a time."""
        rows, columns = self.pairs
        unit = F.normalize(answers, dim=2)
        return unit_norm(torch.stack([(view @ view.T)[rows, columns] for view in unit]))


@attrs.frozen(kw_only=True)
class Correlation(fpframe.Encoder):
    """Compare, in place of answers, how alike the answers to each two queries of a view are (SAC, Guan et al., 2022).

    As in the paper the correlation of two answers is their cosine. The paper takes the mean absolute difference of two
    matrices, here the score is the cosine of their upper triangles. Nothing is learnt.

    Attributes:
        pairs: entries of the upper triangle at most. Where there are more, as for more than 200 queries, this many are
            drawn, always the same ones: an embedding stays below 100 kB, and 2000 queries take 16 MB while they are
            embedded.
    """

    name: ClassVar[str] = "correlation"
    learns: ClassVar[bool] = False

    pairs: int = attrs.field(default=20_000, validator=whole(low=1))

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def module(self, q: int, k: int) -> nn.Module:
        """Return the network, which has no weights, only the list of pairs."""
        return CorrelationMatrix(q, self.pairs)

    def fit_module(
        self, module: nn.Module, answers: Tensor, relation: Sequence[Relation], groups: Tensor, *, seed: int
    ) -> None:
        """Learn nothing."""


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the encoder."""
    return [Correlation]
