"""Victims that can only be asked, and such as wrap their logits up, as networks from pixels to logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from fpframe.errors import ModelError
from fpframe.models import TOP1, Query, evaluating

#: By how much the probabilities of a converted network may be away from those of the model.
CLOSE = 1e-4


class AskedModel(nn.Module):
    """A model that can only be asked, as a network without weights and without gradients.

    Its logits are the logarithms of the probabilities that the model answers with.
    """

    def __init__(self, query: Query) -> None:
        super().__init__()
        self.query = query

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits ``(N, K)`` for pixels ``(N, C, H, W)``."""
        answers = self.query(pixels.detach())
        if self.query.channel == TOP1:
            raise ModelError(
                f"the victim answers with labels alone ({self.query.address}); a fingerprint compares probabilities, so "
                "give a model that tells them"
            )
        return answers.double().clamp_min(torch.finfo(torch.float32).tiny).log().float()

    def extra_repr(self) -> str:
        """Return what tells it from others, for it has no weights that would."""
        return f"{self.query.address}, {self.query.digest}"


class Unwrapping(nn.Module):
    """A network that may wrap its logits up, as one that answers with the logits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits ``(N, K)`` for pixels ``(N, C, H, W)``."""
        answer = self.network(pixels)
        return answer if isinstance(answer, Tensor) else logits_of(answer)


def logits_of(answer: Any) -> Tensor:
    """Return the logits in the answer of a network: what is called so, or the first member of a sequence.

    Raises:
        ModelError: there are none.
    """
    found = getattr(answer, "logits", None)
    if found is None and isinstance(answer, Mapping):
        found = answer.get("logits")
    if found is None and isinstance(answer, tuple | list) and answer:
        found = answer[0]
    if not isinstance(found, Tensor):
        raise ModelError(
            f"the victim answers with a {type(answer).__name__} in which no logits are found; let it return one tensor"
        )
    return found


def unwrapped(network: nn.Module, image_shape: tuple[int, int, int]) -> nn.Module:
    """Return a network that answers with a tensor: the same one, unless it wraps its logits up."""
    try:
        with evaluating(network), torch.no_grad():
            wraps = isinstance(network(torch.zeros(2, *image_shape)), Mapping | tuple | list)
    except Exception:  # what is wrong is told where it is tried
        return network
    return Unwrapping(network) if wraps else network


def has_answers(network: nn.Module, pixels: Tensor, answers: Tensor) -> bool:
    """Tell whether a network gives pixels ``(N, C, H, W)`` the probabilities ``(N, K)``."""
    try:
        with evaluating(network), torch.no_grad():
            own = network(pixels)
    except Exception:  # whoever converted it may have failed in any way
        return False
    return own.shape == answers.shape and bool(torch.allclose(own.softmax(1), answers, atol=CLOSE))
