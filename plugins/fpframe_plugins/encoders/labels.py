"""Encoder ``labels``: which label each answer gives, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import attrs
from torch import Tensor, nn

import fpframe
from fpframe import through_channel
from fpframe.interfaces import Relation
from fpframe.models import TOP1


class OneHotLabels(nn.Module):
    """Answers ``(B, Q, K)`` to embeddings ``(B, Q * K)``: each answer's label as a one-hot row, over sqrt(Q)."""

    def forward(self, answers: Tensor) -> Tensor:
        """Embed answers; those that are not finite stay so, for a verdict must see them."""
        return through_channel(answers, TOP1).flatten(1) / math.sqrt(answers.shape[1])

    def by_query(self, embeddings: Tensor, q: int) -> Tensor:
        """Return embeddings ``(B, Q * K)`` as parts ``(B, Q, K)`` of single queries."""
        return embeddings.reshape(len(embeddings), q, -1)


@attrs.frozen(kw_only=True)
class Labels(fpframe.Encoder):
    """Compare labels alone: the cosine is the matching rate, the share of queries that get the same label.

    The score of IPGuard (Cao et al., AsiaCCS 2021) and of most methods that compare decisions. Nothing is learnt. Of
    probabilities that are equal the first one is the label.
    """

    name: ClassVar[str] = "labels"
    learns: ClassVar[bool] = False

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def module(self, q: int, k: int) -> nn.Module:
        """Return the network, which has no weights."""
        return OneHotLabels()

    def fit_module(
        self, module: nn.Module, answers: Tensor, relation: Sequence[Relation], groups: Tensor, *, seed: int
    ) -> None:
        """Learn nothing."""


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the encoder."""
    return [Labels]
