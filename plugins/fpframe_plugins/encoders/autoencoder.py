"""Encoder ``autoencoder``: the paper's ablation, which never sees who is derived and who is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import fpframe
from fpframe.interfaces import Relation
from fpframe.parameters import number, whole
from fpframe_plugins.encoders.answer_features import LogProbabilities


class AutoEncoder(nn.Module):
    """Answers ``(B, Q, K)`` to codes ``(B, E)`` of unit L2 norm, from which the features can be rebuilt."""

    def __init__(self, q: int, k: int, hidden: int, embedding: int) -> None:
        super().__init__()
        self.features = LogProbabilities(q, k)
        self.encode = nn.Sequential(nn.Linear(q * k, hidden), nn.ReLU(), nn.Linear(hidden, embedding))
        self.decode = nn.Sequential(nn.Linear(embedding, hidden), nn.ReLU(), nn.Linear(hidden, q * k))

    def forward(self, answers: Tensor) -> Tensor:
        """Embed answers."""
        return F.normalize(self.encode(self.features(answers)), dim=1)


@attrs.frozen(kw_only=True)
class Autoencoder(fpframe.Encoder):
    """Compress fingerprints by reconstruction alone (ablation of Peng et al., CVPR 2022, supplement C.1).

    Attributes:
        hidden: width of the hidden layers.
        embedding: size E of a code.
        steps: optimiser steps, each on all fingerprints.
        learning_rate: of Adam.
    """

    name: ClassVar[str] = "autoencoder"
    hidden: int = attrs.field(default=256, validator=whole(low=1))
    embedding: int = attrs.field(default=64, validator=whole(low=2))
    steps: int = attrs.field(default=200, validator=whole(low=1))
    learning_rate: float = attrs.field(default=1e-3, validator=number(low=0, open_low=True))

    @classmethod
    def for_checks(cls) -> Self:
        """Return it with few steps."""
        return cls(steps=60)

    def module(self, q: int, k: int) -> nn.Module:
        """Return the network, not yet fitted."""
        return AutoEncoder(q, k, self.hidden, self.embedding)

    def fit_module(
        self, module: nn.Module, answers: Tensor, relation: Sequence[Relation], groups: Tensor, *, seed: int
    ) -> None:
        """Minimise the squared error of the rebuilt features over all views of all models at once."""
        assert isinstance(module, AutoEncoder)
        samples = answers.flatten(0, 1)
        module.features.fit(samples)
        features = module.features(samples)
        optimizer = torch.optim.Adam(module.parameters(), lr=self.learning_rate)
        for _ in range(self.steps):
            loss = F.mse_loss(module.decode(module(samples)), features)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the encoder."""
    return [Autoencoder]
