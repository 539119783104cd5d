"""Networks that see a single number in the answers of a model, and how a cosine tells whose is higher.

Not a plugin: encoders of methods that end in one number use it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fpframe.interfaces import Relation

#: A distance between victim and independent models below this is a rounding error of float32.
_NOISE = 1e-6


class OneNumber(nn.Module):
    """Answers ``(B, Q, K)`` to embeddings ``(B, 2)``: a direction that turns away as the number falls.

    The victim and whatever has a higher number point the same way, and the mean independent model is at a right angle.
    So the cosine is 1 for the former and 0 for the latter, and falls strictly in between and beyond. A method whose
    score is the number itself keeps its order of models, but for those above the victim.

    Attributes:
        top: the number from which a model scores 1: the lowest of the victim's views, in the fit split.
        scale: how far below that independent models are on average.
    """

    top: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("top", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))

    @abstractmethod
    def number(self, answers: Tensor) -> Tensor:
        """Return the number ``(B,)`` of answers ``(B, Q, K)``, high for models that were made from the victim."""

    def forward(self, answers: Tensor) -> Tensor:
        """Embed answers; those that are not finite stay so, for a verdict must see them."""
        # half the tangent, by which sine and cosine have no angle that wraps around
        below = ((self.top - self.number(answers)) / self.scale).clamp_min(0)
        square = below.square()
        return torch.stack([1 - square, 2 * below], dim=1) / (1 + square).unsqueeze(1)

    @torch.no_grad()
    def set_scale(self, answers: Tensor, relation: Sequence[Relation]) -> None:
        """Learn where victim and independent models are, of answers ``(M, V, Q, K)``."""
        numbers = self.number(answers.flatten(0, 1)).reshape(answers.shape[:2])
        self.top.copy_(numbers[[kind == "victim" for kind in relation]].min())
        independent = numbers[[kind == "independent" for kind in relation]].mean()
        self.scale.copy_((self.top - independent).clamp_min(_NOISE))
