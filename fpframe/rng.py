"""Seeds, and the promise that global random state and thread counts are left as found."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from threadpoolctl import threadpool_limits


def derive_seed(seed: int, *names: object) -> int:
    """Derive an independent 63-bit seed from `seed` and a path of names.

    The same path always gives the same seed, and no two paths share one by accident.
    """
    # a slash inside a name must not look like the one between two names
    text = "/".join(str(part).replace("%", "%25").replace("/", "%2F") for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *names: object) -> torch.Generator:
    """Return a CPU generator seeded by `derive_seed`."""
    return torch.Generator().manual_seed(derive_seed(seed, *names))


@contextmanager
def isolated(seed: int) -> Iterator[None]:
    """Seed the global generators of torch, numpy and random inside the block, and restore them after it."""
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with `count` threads inside the block (torch, BLAS and OpenMP), and restore the number after it.

    Sums are split by thread, so results are only repeatable at a fixed number of threads.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before)
