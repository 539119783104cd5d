"""Victims that can only be asked, and such as wrap their logits up, as networks from pixels to logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from fpframe.errors import ModelError
from fpframe.models import TOP1, Outputs, Query, evaluating
from fpframe.opening.suspects import open_suspect
from fpframe.registry import Registry, load_registry

#: By how much the probabilities of a converted network may be away from those of the model.
CLOSE = 1e-4


@attrs.frozen(kw_only=True)
class Again:
    """How a model at an address is opened, as plain data; see `open_suspect`."""

    address: str
    num_classes: int
    image_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    preparation: str
    outputs: Outputs = "auto"
    blocked: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()

    def open(self, registry: Registry, model: object = None) -> Query:
        """Return access to the model, or to the object that it is in this process."""
        said = attrs.asdict(self, filter=attrs.filters.exclude("address", "blocked", "pinned"), recurse=False)
        # an owner's model is the owner's own
        return open_suspect(self.address if model is None else model, registry=registry, trust_code=True, **said)


class AskedModel(nn.Module):
    """A model that can only be asked, as a network without weights and without gradients.

    Its logits are the logarithms of the probabilities that the model answers with. In another process it is opened
    again, where `again` says how.
    """

    def __init__(self, query: Query, again: Again | None = None) -> None:
        super().__init__()
        self.query, self.again = query, again

    def __reduce__(self) -> Any:
        """Return what makes it in another process."""
        if self.again is None:
            return super().__reduce__()
        return AskedModel.of, (attrs.evolve(self.again, outputs=self.query.outputs),)

    @classmethod
    def of(cls, again: Again) -> AskedModel:
        """Open a model again."""
        return cls(again.open(load_registry(blocked=again.blocked, pinned=again.pinned)), again)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits ``(N, K)`` for pixels ``(N, C, H, W)``."""
        answers = self.query(pixels.detach())
        if self.query.channel == TOP1:
            raise ModelError(
                f"the victim answers with labels alone ({self.query.address}), and a fingerprint compares "
                "probabilities; give a model that tells them"
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
