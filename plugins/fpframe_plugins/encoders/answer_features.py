"""What encoders see of an answer: floored log-probabilities, scaled by what the fit split showed, or probabilities."""

from __future__ import annotations

import torch
from torch import Tensor, nn

#: Probabilities below this are all the same to an encoder: an API that rounds to four decimals shows no less.
FLOOR = 1e-4


class LogProbabilities(nn.Module):
    """Turn answers ``(B, Q, K)`` into standardised features ``(B, Q * K)``.

    Attributes:
        mean: mean of each feature over the fit split.
        scale: one standard deviation for all features, so that answers in which models differ more weigh more.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, q: int, k: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(q * k))
        self.register_buffer("scale", torch.ones(()))

    def fit(self, answers: Tensor) -> None:
        """Learn mean and scale from answers ``(B, Q, K)``."""
        raw = self._raw(answers)
        self.mean.copy_(raw.mean(0))
        self.scale.copy_((raw - self.mean).square().mean().sqrt().clamp_min(1e-6))

    def forward(self, answers: Tensor) -> Tensor:
        """Return the features."""
        return (self._raw(answers) - self.mean) / self.scale

    def _raw(self, answers: Tensor) -> Tensor:
        return answers.clamp_min(FLOOR).log().flatten(1)


class Probabilities(nn.Module):
    """Turn answers ``(B, Q, K)`` into features ``(B, Q * K)``: the probabilities as they are, one after the other."""

    def fit(self, answers: Tensor) -> None:
        """Learn nothing."""

    def forward(self, answers: Tensor) -> Tensor:
        """Return the features."""
        return answers.flatten(1)
