"""Encoder ``distance-bits``: to which images a model changes its answer when they are perturbed.

After "FIT-Print: Towards False-claim-resistant Model Ownership Verification via Targeted Fingerprint" (Shao et al.,
arXiv 2501.15509, 2025), its bit-wise FIT-ModelDiff.
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
from fpframe.interfaces import Relation
from fpframe.parameters import number
from fpframe_plugins.encoders._pairs import require_pairs


class SignedBits(nn.Module):
    """Answers ``(B, 2 * N, K)`` to embeddings ``(B, N)``: 1 for an answer that changes, -1 for one that does not.

    The first N answers are to clean images and the others to the same images perturbed, as a part of pairs is sent.
    """

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold

    def forward(self, answers: Tensor) -> Tensor:
        """Embed answers; those that are not finite stay so, for a verdict must see them."""
        clean, perturbed = F.normalize(answers, dim=2).chunk(2, dim=1)
        # half the squared distance of unit vectors is one less their cosine
        distances = (clean - perturbed).square().sum(2) / 2
        signs = torch.where(distances > self.threshold, 1.0, -1.0) + 0 * distances
        return signs / math.sqrt(signs.shape[1])

    def by_query(self, embeddings: Tensor, q: int) -> Tensor:
        """Return embeddings as parts ``(B, 2 * N, 1)`` of single queries: a bit is of the perturbed one."""
        return F.pad(embeddings, (q // 2, 0)).unsqueeze(2)


@attrs.frozen(kw_only=True)
class DistanceBits(fpframe.Encoder):
    """Compare one bit for each pair: whether the cosine distance of its two answers is above a threshold.

    Of two models that share a fraction r of the bits the cosine is ``2 r - 1``. With `targeted-bits` the victim has the
    bits that its seed sets, wherever it can be made to. Compared are the bits that it has, for no target is handed to
    an encoder. Nothing is learnt.

    For schemes of one part that is sent in pairs. Through labels alone a bit says whether the label changes.

    Attributes:
        threshold: cosine distance of two answers above which a bit is 1. FIT-Print's is not known here.
    """

    name: ClassVar[str] = "distance-bits"
    learns: ClassVar[bool] = False

    threshold: float = attrs.field(default=0.5, validator=number(low=0, high=0.99, open_low=True))

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
        return SignedBits(self.threshold)

    def fit_module(
        self, module: nn.Module, answers: Tensor, relation: Sequence[Relation], groups: Tensor, *, seed: int
    ) -> None:
        """Learn nothing."""


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the encoder."""
    return [DistanceBits]
