"""Encoder ``contrastive``: a small network fitted with the supervised contrastive loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import fpframe
from fpframe.interfaces import Relation
from fpframe.parameters import number, whole
from fpframe_plugins.encoders.answer_features import LogProbabilities


def supervised_contrastive_loss(embeddings: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
    """Pull embeddings of one label together and push the others away (Khosla et al., 2020, L_out).

    Args:
        embeddings: ``(B, E)``, of unit L2 norm.
        labels: ``(B,)``.
        temperature: divides the cosines.

    Returns:
        The mean over the anchors that have a positive; an anchor is never its own positive.
    """
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    positive = (labels.unsqueeze(0) == labels.unsqueeze(1)) & ~itself
    cosines = (embeddings @ embeddings.T / temperature).masked_fill(itself, float("-inf"))
    log_share = cosines - torch.logsumexp(cosines, dim=1, keepdim=True)
    counts = positive.sum(1)
    anchors = counts > 0
    per_anchor = -log_share.masked_fill(~positive, 0).sum(1)[anchors] / counts[anchors]
    return per_anchor.mean()


class FingerprintNetwork(nn.Module):
    """Answers ``(B, Q, K)`` to embeddings ``(B, E)`` of unit L2 norm."""

    def __init__(self, q: int, k: int, hidden: int, embedding: int) -> None:
        super().__init__()
        self.features = LogProbabilities(q, k)
        self.layers = nn.Sequential(nn.Linear(q * k, hidden), nn.ReLU(), nn.Linear(hidden, embedding))

    def forward(self, answers: Tensor) -> Tensor:
        """Embed answers."""
        return self.embed(self.features(answers))

    def embed(self, features: Tensor) -> Tensor:
        """Embed features ``(B, Q * K)`` of answers."""
        return F.normalize(self.layers(features), dim=1)


@attrs.frozen(kw_only=True)
class Contrastive(fpframe.Encoder):
    """Separate models made from the victim from independent ones (Peng et al., CVPR 2022).

    The victim and the models derived from it are one class, the independent models the other; every view of every
    model is a sample.

    Attributes:
        hidden: width of the hidden layer.
        embedding: size E of an embedding.
        temperature: divides the cosines in the loss.
        steps: optimiser steps, each on all fingerprints.
        learning_rate: of Adam.
    """

    name: ClassVar[str] = "contrastive"
    hidden: int = attrs.field(default=256, validator=whole(low=1))
    embedding: int = attrs.field(default=64, validator=whole(low=2))
    temperature: float = attrs.field(default=0.2, validator=number(low=0, open_low=True))
    steps: int = attrs.field(default=120, validator=whole(low=1))
    learning_rate: float = attrs.field(default=1e-3, validator=number(low=0, open_low=True))

    def module(self, q: int, k: int) -> nn.Module:
        """Return the network, not yet fitted."""
        return FingerprintNetwork(q, k, self.hidden, self.embedding)

    def fit_module(
        self, module: nn.Module, answers: Tensor, relation: Sequence[Relation], groups: Tensor, *, seed: int
    ) -> None:
        """Minimise the loss over all views of all models at once."""
        assert isinstance(module, FingerprintNetwork)
        models, views = answers.shape[:2]
        samples = answers.reshape(models * views, *answers.shape[2:])
        classes = torch.tensor([kind != "independent" for kind in relation]).long().repeat_interleave(views)
        module.features.fit(samples)
        # they hold nothing that is learned: the logarithms of all answers are taken once, not in every step
        features = module.features(samples)
        optimizer = torch.optim.Adam(module.layers.parameters(), lr=self.learning_rate, weight_decay=1e-4)
        for _ in range(self.steps):
            loss = supervised_contrastive_loss(module.embed(features), classes, temperature=self.temperature)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the encoder."""
    return [Contrastive]
