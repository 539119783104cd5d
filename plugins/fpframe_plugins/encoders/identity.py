"""Encoder ``identity``: the answers themselves, the control for whatever an encoder learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
from torch import Tensor, nn

import fpframe
from fpframe.interfaces import Relation
from fpframe_plugins.encoders._unit_norm import unit_norm


class CentredAnswers(nn.Module):
    """Answers ``(B, Q, K)`` to embeddings ``(B, Q * K + 1)``: each answer less its mean over the classes."""

    def forward(self, answers: Tensor) -> Tensor:
        """Embed answers."""
        return unit_norm((answers - answers.mean(2, keepdim=True)).flatten(1))


@attrs.frozen(kw_only=True)
class Identity(fpframe.Encoder):
    """Compare answers as they are: the cosine is the correlation of the probabilities of two models.

    Each answer is centred on its own mean, 1/K: an answer without a preference then counts nothing, and two models that
    answer at random are at a cosine of about 0, where without centring they would be close to 1. Centring on a mean of
    other models would be learning. On labels this ranks models as the matching rate does. Nothing is learnt.
    """

    name: ClassVar[str] = "identity"
    learns: ClassVar[bool] = False

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def module(self, q: int, k: int) -> nn.Module:
        """Return the network, which has no weights."""
        return CentredAnswers()

    def fit_module(
        self, module: nn.Module, answers: Tensor, relation: Sequence[Relation], groups: Tensor, *, seed: int
    ) -> None:
        """Learn nothing."""


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the encoder."""
    return [Identity]
