"""The network of the encoder `contrastive`: one hidden layer on the features of a view.

Not a plugin: the encoder builds it.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from fpframe_plugins.encoders._unit_norm import unit_norm
from fpframe_plugins.encoders.answer_features import LogProbabilities, Probabilities


class FingerprintNetwork(nn.Module):
    """Answers ``(B, Q, K)`` to embeddings ``(B, E)`` of unit L2 norm.

    Where the last layer has a ReLU they are ``(B, E + 1)``: it can leave nothing of a view, and nothing has no unit
    norm. The coordinate more is for such views.

    Attributes:
        features: what is seen of the answers.
        layers: from features ``(B, Q * K)`` to ``(B, E)``, not yet of unit norm.
        against_first_view: see `fpframe.Encoder`.
    """

    def __init__(
        self,
        features: LogProbabilities | Probabilities,
        layers: nn.Sequential,
        *,
        last_relu: bool,
        against_first_view: bool,
    ) -> None:
        super().__init__()
        self.features, self.layers = features, layers
        self.last_relu, self.against_first_view = last_relu, against_first_view

    def forward(self, answers: Tensor) -> Tensor:
        """Embed answers."""
        return self.embed(self.features(answers))

    def embed(self, features: Tensor) -> Tensor:
        """Embed features ``(B, Q * K)`` of answers."""
        raw: Tensor = self.layers(features)
        return unit_norm(raw.relu()) if self.last_relu else F.normalize(raw, dim=1)
