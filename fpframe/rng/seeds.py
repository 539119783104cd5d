"""Seeds from seeds, and generators of one's own."""

from __future__ import annotations

import hashlib

import torch


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
