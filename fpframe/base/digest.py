"""Digests that depend on content alone."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def canonical_json(value: Any) -> str:
    """Return JSON that is the same for the same value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def without_nan(value: Any) -> Any:
    """Return JSON-able data in which numbers that are not finite are ``None``, for JSON has none of them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return value


def content_key(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def tensors_digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 over names, types, shapes and values; it does not depend on a file format."""
    state = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        state.update(_heading(name, tensor.dtype, tensor.shape))
        state.update(_values(tensor))
    return state.hexdigest()


def batches_digest(name: str, shape: Sequence[int], batches: Iterable[Tensor]) -> str:
    """Return the `tensors_digest` of one tensor that comes in batches of its rows, the first of which tells its type.

    Args:
        name: what the tensor is called.
        shape: of the whole; at least one row.
        batches: all rows in order.
    """
    state = hashlib.sha256()
    for number, batch in enumerate(batches):
        if number == 0:
            state.update(_heading(name, batch.dtype, shape))
        state.update(_values(batch))
    return state.hexdigest()


def _heading(name: str, dtype: torch.dtype, shape: Sequence[int]) -> bytes:
    return f"{name}:{dtype}:{tuple(shape)}\n".encode()


def _values(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
