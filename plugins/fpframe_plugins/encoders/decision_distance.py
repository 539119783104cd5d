"""Encoder ``decision-distance``: how far apart a model answers the two images of each pair.

From "ModelDiff: Testing-Based DNN Similarity Comparison for Model Reuse Detection" (Li et al., ISSTA 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import torch.nn.functional as F
from torch import Tensor, nn

import fpframe
from fpframe.interfaces import Relation
from fpframe_plugins.encoders._pairs import require_pairs
from fpframe_plugins.encoders._unit_norm import unit_norm


class DecisionDistances(nn.Module):
    """Answers ``(B, 2 * N, K)`` to embeddings ``(B, N + 1)``: the cosine distance of the two answers to each point.

    The first N answers are to clean images and the others to the same images perturbed, as a part of pairs is sent.
    The number of classes decides no shape, so models of other classes can be embedded by the same network.
    """

    def forward(self, answers: Tensor) -> Tensor:
        """Embed answers; those that are not finite stay so, for a verdict must see them."""
        clean, perturbed = F.normalize(answers, dim=2).chunk(2, dim=1)
        # half the squared distance of unit vectors is one less their cosine, and is exactly 0 for equal answers
        return unit_norm((clean - perturbed).square().sum(2) / 2)

    def by_query(self, embeddings: Tensor, q: int) -> Tensor:
        """Return embeddings as parts ``(B, 2 * N, 1)`` of single queries: a distance is of the perturbed one.

        The last coordinate is of none: it is only for models that answer both images of every pair alike.
        """
        return F.pad(embeddings[:, :-1], (q // 2, 0)).unsqueeze(2)


@attrs.frozen(kw_only=True)
class DecisionDistance(fpframe.Encoder):
    """Compare, in place of answers, by how much the answer to each point changes when it is perturbed.

    These distances are the decision distance vector of ModelDiff, and the score is the cosine of two of them. As in the
    authors' release a distance is one less the cosine of the two answers. Which class is which does not matter, and
    neither does how many there are. Nothing is learnt.

    For schemes of one part that is sent in pairs. Through labels alone a distance is 1 where the label changes, and
    otherwise 0.
    """

    name: ClassVar[str] = "decision-distance"
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
        return DecisionDistances()

    def fit_module(
        self, module: nn.Module, answers: Tensor, relation: Sequence[Relation], groups: Tensor, *, seed: int
    ) -> None:
        """Learn nothing."""


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the encoder."""
    return [DecisionDistance]
