"""`evaluating`: a network in evaluation mode, with frozen weights, and as found when nobody needs that any more."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from torch import Tensor, nn

ModuleT = TypeVar("ModuleT", bound=nn.Module)


class _Flag:
    """A flag of modules or of weights that is off while anybody needs it off, in whatever thread.

    If each thread restored what it had found, one would turn the flag on again that another still needs off, or leave
    it off that it had found so only because of the other.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._gate = threading.Lock()
        self._users: dict[Any, int] = {}

    @contextmanager
    def off(self, owners: Iterable[Any]) -> Iterator[None]:
        """Turn the flag of each owner off inside the block; after it each flag is what it is when nobody needs it."""
        owners = [owner for owner in owners if hasattr(owner, self._name)]  # a frozen TorchScript network has no modes
        with self._gate:
            # written only where it is on: on a small network writing takes a tenth of the time of an answer
            mine = [owner for owner in owners if getattr(owner, self._name) or owner in self._users]
            for owner in mine:
                self._users[owner] = self._users.get(owner, 0) + 1
                setattr(owner, self._name, False)
        try:
            yield
        finally:
            with self._gate:
                self._restore(owners, mine)

    def copy(self, owners: Iterable[Any], copies: Iterable[Any]) -> None:
        """Give copies the flags that their owners have when nobody needs them off."""
        with self._gate:
            for owner, twin in zip(owners, copies, strict=True):
                if not hasattr(owner, self._name):
                    continue
                setattr(twin, self._name, getattr(owner, self._name) or owner in self._users)

    def _restore(self, owners: list[Any], mine: list[Any]) -> None:
        for owner in mine:
            self._users[owner] -= 1
            if not self._users[owner]:
                del self._users[owner]
        on = set(map(id, mine)) - set(map(id, self._users))
        for owner in owners:
            wanted = id(owner) in on
            if getattr(owner, self._name) != wanted:
                setattr(owner, self._name, wanted)


_training = _Flag("training")
_learning = _Flag("requires_grad")


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put `model` in evaluation mode with frozen weights inside the block, and restore every flag after it.

    Several threads may do so with one model; the last one restores it.
    """
    # weights that were made in inference mode are frozen for good, and torch lets nobody write their flag
    with evaluation_mode(model), _learning.off(p for p in model.parameters() if not p.is_inference()):
        yield


def evaluation_mode(model: nn.Module) -> AbstractContextManager[None]:
    """Do the same without freezing the weights."""
    return _training.off(model.modules())


def frozen(weights: Iterable[nn.Parameter]) -> AbstractContextManager[None]:
    """Freeze some weights inside the block, and restore every flag after it."""
    return _learning.off(weights)


def copied(model: ModuleT) -> ModuleT:
    """Return a deep copy, with the flags that the model has when nobody is `evaluating` it."""
    twin = copy.deepcopy(model, _detached(model))
    _training.copy(model.modules(), twin.modules())
    _learning.copy(model.parameters(), twin.parameters())
    return twin


def _detached(model: nn.Module) -> dict[int, Any]:
    """Return copies of what modules remember of a pass, such as their input: torch copies nothing with a history."""
    held = [value for module in model.modules() for value in vars(module).values() if isinstance(value, Tensor)]
    return {id(value): value.detach().clone() for value in held if not value.is_leaf}
