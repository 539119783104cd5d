"""Encoder ``robustness``: which of the perturbed images fool a model.

The metric RobD of "Copy, Right? A Testing Framework for Copyright Protection of Deep Learning Models" (DeepJudge; Chen
et al., IEEE S&P 2022).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import fpframe
from fpframe import through_channel
from fpframe.interfaces import Relation
from fpframe.models import TOP1
from fpframe_plugins.encoders._pairs import require_pairs


class FooledOrNot(nn.Module):
    """Answers ``(B, 2 * N, K)`` to embeddings ``(B, 2 * N)``: whether each perturbed image changes the label.

    The first N answers are to clean images and the others to the same images perturbed, as a part of pairs is sent.
    """

    def forward(self, answers: Tensor) -> Tensor:
        """Embed answers; those that are not finite stay so, for a verdict must see them."""
        clean, perturbed = through_channel(answers, TOP1).chunk(2, dim=1)
        fooled = (clean - perturbed).square().sum(2) / 2
        return torch.stack([fooled, 1 - fooled], dim=2).flatten(1) / math.sqrt(fooled.shape[1])

    def by_query(self, embeddings: Tensor, q: int) -> Tensor:
        """Return embeddings as parts ``(B, 2 * N, 2)`` of single queries: all is of the perturbed ones."""
        return F.pad(embeddings.unflatten(1, (-1, 2)), (0, 0, q // 2, 0))


@attrs.frozen(kw_only=True)
class Robustness(fpframe.Encoder):
    """Compare which perturbed images fool a model: the cosine is the share of pairs on which two models agree in that.

    Where all images fool the victim, as in DeepJudge, which keeps no others, this is one less its robustness distance.
    There an image fools a model that does not give the true label. An encoder does not know it, so here a model is
    fooled where its own label for the clean image is another; on images that are easy these are the same, but they are
    sent too. Nothing is learnt.

    For schemes of one part that is sent in pairs. Labels are all that is compared.
    """

    name: ClassVar[str] = "robustness"
    learns: ClassVar[bool] = False

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def module(self, q: int, k: int) -> nn.Module:
        """Return the network, which has no weights.

        Raises:
            ParameterError: the queries are not pairs.
        """
        require_pairs(q, self.name)
        return FooledOrNot()

    def fit_module(
        self, module: nn.Module, answers: Tensor, relation: Sequence[Relation], groups: Tensor, *, seed: int
    ) -> None:
        """Learn nothing."""


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the encoder."""
    return [Robustness]
