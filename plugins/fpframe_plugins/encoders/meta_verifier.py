"""Encoder ``meta-verifier``: a small network that tells from all answers whether a model was made from the victim.

From "MetaV: A Meta-Verifier Approach to Task-Agnostic Model Fingerprinting" (Pan et al., KDD 2022).
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
from fpframe.parameters import number, whole
from fpframe_plugins.encoders._one_number import OneNumber
from fpframe_plugins.encoders.answer_features import FLOOR


class Verifier(OneNumber):
    """Answers ``(B, Q, K)`` to the log-odds ``(B,)`` that a model was made from the victim."""

    def __init__(self, q: int, k: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(q * k, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def number(self, answers: Tensor) -> Tensor:
        """Return the log-odds."""
        # from 0 for what no model is told apart by, to 1 for certainty
        features = 1 - answers.clamp_min(FLOOR).log().flatten(1) / math.log(FLOOR)
        log_odds: Tensor = self.layers(features).squeeze(1)
        return log_odds


def verifier_loss(log_odds: Tensor, relation: Sequence[Relation]) -> Tensor:
    """Return the cross-entropy of log-odds ``(M,)``, where the models of each relation together count as one."""
    wanted = torch.tensor([float(kind != "independent") for kind in relation], device=log_odds.device)
    weights = torch.tensor([1 / relation.count(kind) for kind in relation], device=log_odds.device)
    return F.binary_cross_entropy_with_logits(log_odds, wanted, weight=weights, reduction="sum")


@attrs.frozen(kw_only=True)
class MetaVerifier(fpframe.Encoder):
    """Fit the meta-verifier of MetaV to finished queries: two layers on the answers to all of them, one after another.

    The score falls with the log-odds that the verifier gives, from 1 for the victim to 0 for the mean of the
    independent models that it was fitted on. In MetaV the verifier is trained together with the queries. Here the
    augmenter `meta-trained` does so, and no interface hands its verifier on, so that one like it is fitted once more
    to the 8-bit queries, in each channel. Victim, derived and independent models weigh the same in the loss, as in a
    public implementation that is not the authors' (grasses/MetaV), which has the default for `hidden` too, but no ReLU.
    All other defaults were chosen here.

    Attributes:
        hidden: width of the hidden layer.
        steps: passes over all fingerprints, each one step of Adam.
        learning_rate: of Adam.
    """

    name: ClassVar[str] = "meta-verifier"

    hidden: int = attrs.field(default=128, validator=whole(low=1))
    steps: int = attrs.field(default=200, validator=whole(low=1))
    learning_rate: float = attrs.field(default=1e-3, validator=number(low=0, open_low=True))

    def module(self, q: int, k: int) -> nn.Module:
        """Return the network, not yet fitted."""
        return Verifier(q, k, self.hidden)

    def fit_module(
        self, module: nn.Module, answers: Tensor, relation: Sequence[Relation], groups: Tensor, *, seed: int
    ) -> None:
        """Minimise the loss over all views of all models."""
        assert isinstance(module, Verifier)
        samples = answers.flatten(0, 1)
        each = [kind for kind in relation for _ in range(answers.shape[1])]
        optimizer = torch.optim.Adam(module.layers.parameters(), lr=self.learning_rate)
        for _ in range(self.steps):
            optimizer.zero_grad(set_to_none=True)
            verifier_loss(module.number(samples), each).backward()
            optimizer.step()
        module.set_scale(answers, relation)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the encoder."""
    return [MetaVerifier]
