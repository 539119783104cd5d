"""Networks of which only the last layers learn: which layers those are, and what the others make of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from fpframe.models.modes import evaluation_mode
from fpframe.models.pixels import Pixels
from fpframe.rng import isolated


class Body(Protocol):
    """The first layers of a network, which never change, and what they make of images."""

    @property
    def learns(self) -> tuple[str, ...]:
        """Names of the parts of the rest of the network that training changes; empty for all of it."""
        ...

    def rest(self, model: Any, shape: tuple[int, ...]) -> nn.Module:
        """Return what is left of a classifier's network, with its weights: from features ``(N, *shape)`` to logits."""
        ...

    def features(self, model: Any, pixels: Tensor | Pixels, *, batch_size: int) -> Tensor:
        """Return what the rest of a classifier takes ``(N, ...)`` for pixels ``(N, C, H, W)``, on the CPU."""
        ...


class Reshaping(nn.Module):
    """A last layer that takes features as if they were images ``(N, D, 1, 1)``.

    Args:
        head: the layer.
        shape: the shape of its input, without the batch.
    """

    def __init__(self, head: nn.Module, shape: Sequence[int]) -> None:
        super().__init__()
        self.head = head
        self.shape = tuple(shape)

    def forward(self, features: Tensor) -> Tensor:
        """Return what the layer makes of features ``(N, D, 1, 1)``."""
        made: Tensor = self.head(features.reshape(len(features), *self.shape))
        return made


def layers_in_order(module: nn.Module, images: Tensor) -> list[str]:
    """Return the names of the modules that have weights of their own, in the order in which images pass them.

    A module that contains others comes before them. Those that no image passes are left out.

    Args:
        module: the network.
        images: a few images as it takes them.
    """
    names = {part: name for name, part in module.named_modules() if name and _own(part)}
    order: list[str] = []

    def note(part: nn.Module, _inputs: object) -> None:
        if names[part] not in order:
            order.append(names[part])

    hooks = [part.register_forward_pre_hook(note) for part in names]
    try:
        with evaluation_mode(module), torch.no_grad():
            module(images)
    finally:
        for hook in hooks:
            hook.remove()
    return order


def last_layers(module: nn.Module, order: Sequence[str], *, share: float) -> tuple[str, ...]:
    """Return the last of some layers, as few as hold a share of the weights of them all."""
    sizes = {name: sum(weight.numel() for weight in module.get_submodule(name).parameters()) for name in order}
    chosen: list[str] = []
    while len(chosen) < len(order) and sum(sizes[name] for name in chosen) < share * sum(sizes.values()):
        chosen.insert(0, order[len(order) - 1 - len(chosen)])
    return tuple(chosen)


def deepen(module: nn.Module, head: str, *, seed: int, width: int = 128) -> None:
    """Put two layers in the place of the last one, as some do who fine-tune; one that is not a `Linear` layer stays.

    Args:
        module: the network.
        head: the name of its last layer.
        seed: decides the weights.
        width: numbers between the two.
    """
    last = module.get_submodule(head)
    if type(last) is nn.Linear:
        with isolated(seed):
            made = nn.Sequential(nn.Linear(last.in_features, width), nn.ReLU(), nn.Linear(width, last.out_features))
        module.set_submodule(head, made)


def pass_through(module: nn.Module, head: str, images: Tensor) -> tuple[Tensor | None, Any]:
    """Return what the layer `head` takes for images ``(N, ...)``, and what the whole network answers.

    The former is ``None`` where the layer takes something else than one tensor with a row for each image.
    """
    taken: list[Any] = []
    hook = module.get_submodule(head).register_forward_pre_hook(lambda _, inputs: taken.append(inputs))
    try:
        answers = module(images)
    finally:
        hook.remove()
    single = len(taken) == 1 and len(taken[0]) == 1 and isinstance(taken[0][0], Tensor)
    features = taken[0][0] if single else None
    return (features if features is not None and len(features) == len(images) else None), answers


def ends_in(module: nn.Module, head: str, images: Tensor) -> bool:
    """Tell whether the answers of a network are what its layer `head` makes of one tensor, and nothing comes after."""
    with evaluation_mode(module), torch.no_grad():
        features, answers = pass_through(module, head, images)
        if features is None or not isinstance(answers, Tensor):
            return False
        made = module.get_submodule(head)(features)
    return isinstance(made, Tensor) and made.shape == answers.shape and torch.equal(made, answers)


def _own(part: nn.Module) -> bool:
    return next(part.parameters(recurse=False), None) is not None
