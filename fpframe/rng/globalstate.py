"""`GlobalState`: where the generators stand that all threads of a process share."""

from __future__ import annotations

import random
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor


@attrs.frozen(eq=False)
class GlobalState:
    """The state of the global generators of torch, numpy and random.

    Attributes:
        cpu: of torch on the CPU.
        gpus: of torch on each GPU, by number; only of those that this process computes on.
        numpy: of ``numpy.random``.
        python: of ``random``.
    """

    cpu: Tensor
    gpus: dict[int, Tensor]
    numpy: dict[str, Any] | tuple[Any, ...]
    python: tuple[Any, ...]

    @classmethod
    def capture(cls) -> GlobalState:
        """Return the state as it is now."""
        gpus = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
        return cls(
            cpu=torch.get_rng_state(),
            gpus={index: torch.cuda.get_rng_state(index) for index in gpus},
            numpy=np.random.get_state(),  # noqa: NPY002
            python=random.getstate(),
        )

    def restore(self) -> None:
        """Make it the state again."""
        torch.set_rng_state(self.cpu)
        for index, state in self.gpus.items():
            torch.cuda.set_rng_state(state, index)
        np.random.set_state(self.numpy)  # noqa: NPY002
        random.setstate(self.python)


def seed_globally(seed: int) -> None:
    """Seed all of these generators."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    random.seed(seed)
