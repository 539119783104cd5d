"""What a component may not change while it works: its inputs, the model, and the process around it."""

from __future__ import annotations

import logging
import os
import random
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.backends import cudnn

from fpframe.models import state_digest

#: Environment variables that libraries set when they are first used: OpenMP's, and those of torch's compiler.
_LIBRARIES = ("KMP_", "TORCHINDUCTOR_")


@contextmanager
def watched(*, models: Mapping[str, nn.Module], tensors: Mapping[str, Tensor]) -> Iterator[dict[str, str]]:
    """Record what changes inside the block.

    Args:
        models: networks that must stay as they are, by what they are called in messages.
        tensors: inputs that must stay as they are.

    Yields:
        A dictionary that is filled when the block ends: from topic (`inputs`, `weights`, `train flags`, `hooks`,
        `random state`, `dtype`, `threads`, `process`) to what changed there. It stays empty where nothing did.
    """
    changed: dict[str, str] = {}
    copies = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    digests = {name: state_digest(model) for name, model in models.items()}
    flags = {name: _flags(model) for name, model in models.items()}
    hooks = {name: _hooks(model) for name, model in models.items()}
    before = _surroundings()
    yield changed
    _note(changed, "inputs", [name for name in tensors if not torch.equal(tensors[name], copies[name])])
    _note(changed, "weights", [name for name, model in models.items() if state_digest(model) != digests[name]])
    _note(changed, "train flags", [name for name, model in models.items() if _flags(model) != flags[name]])
    _note(changed, "hooks", [name for name, model in models.items() if _hooks(model) != hooks[name]])
    after = _surroundings()
    for topic, values in before.items():
        _note(changed, topic, [name for name, value in values.items() if after[topic][name] != value])


def _note(changed: dict[str, str], topic: str, names: list[str]) -> None:
    if names:
        changed[topic] = ", ".join(names)


def _flags(model: nn.Module) -> tuple[list[bool], list[bool], list[bool]]:
    weights = list(model.parameters())
    return (
        [module.training for module in model.modules()],
        [weight.requires_grad for weight in weights],
        [weight.grad is not None for weight in weights],
    )


def _hooks(model: nn.Module) -> list[list[int]]:
    """Return the numbers of all hooks, for torch numbers them as they come."""
    return [
        list(hooks)
        for module in model.modules()
        for hooks in (
            module._forward_hooks,
            module._forward_pre_hooks,
            module._backward_hooks,
            module._backward_pre_hooks,
        )
    ]


def _silenced() -> list[object]:
    """Return the warnings that are silenced wherever they come from; a library that is imported names its own."""
    return [kind for action, text, kind, module, _ in warnings.filters if action == "ignore" and not (text or module)]


def _surroundings() -> dict[str, dict[str, Any]]:
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002
    assert isinstance(numpy_state, dict)
    return {
        "random state": {
            "torch": torch.get_rng_state().numpy().tobytes(),
            "numpy": repr(numpy_state["state"]["key"].tobytes()) + str(numpy_state["state"]["pos"]),
            "random": random.getstate(),
        },
        "dtype": {"torch's default dtype": torch.get_default_dtype()},
        "threads": {"torch's threads": torch.get_num_threads()},
        "process": {
            "gradients switched on or off": torch.is_grad_enabled(),
            "torch's deterministic mode": torch.are_deterministic_algorithms_enabled(),
            "flags of cuDNN": (cudnn.enabled, cudnn.benchmark, cudnn.deterministic),
            "numpy's handling of errors": np.geterr(),
            "silenced warnings": _silenced(),
            "current folder": Path.cwd(),
            "environment variables": {k: v for k, v in os.environ.items() if not k.startswith(_LIBRARIES)},
            "handlers of the root logger": list(logging.getLogger().handlers),
            "level of the root logger": logging.getLogger().level,
        },
    }
