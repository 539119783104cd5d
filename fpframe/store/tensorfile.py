"""`tensors_in`: the tensors of a safetensors file as views into memory, such as a mapped file."""

from __future__ import annotations

import json
import math
from typing import Any

import torch
from torch import Tensor

#: Types of numbers that the store keeps, by their names in the format.
_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def tensors_in(content: memoryview) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file that share its memory, which must be writable.

    Args:
        content: the whole file: eight bytes with the length of a JSON header, the header, the values.

    Raises:
        ValueError: it is no such file.
        KeyError: it has numbers of another type.
    """
    length = int.from_bytes(content[:8], "little")
    header = json.loads(bytes(content[8 : 8 + length]))
    if not isinstance(header, dict):
        raise ValueError("its header is not an object")
    values = content[8 + length :]
    return {name: _view(values, told) for name, told in header.items() if name != "__metadata__"}


def _view(values: memoryview, told: dict[str, Any]) -> Tensor:
    kind, shape, (start, stop) = _TYPES[told["dtype"]], tuple(told["shape"]), told["data_offsets"]
    count = math.prod(shape)
    if not 0 <= start <= stop <= len(values) or stop - start != count * kind.itemsize:
        raise ValueError(f"values of {told} lie outside the file")
    if not count:
        return torch.zeros(shape, dtype=kind)
    return torch.frombuffer(values, dtype=kind, count=count, offset=start).reshape(shape)
