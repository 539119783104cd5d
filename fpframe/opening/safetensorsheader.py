"""`Header`: what a safetensors file says that it holds, before any of it is read."""

from __future__ import annotations

import struct
from math import prod
from pathlib import Path

import attrs
import torch

from fpframe.base import parse_json
from fpframe.errors import ModelError

#: Bytes of the longest header, as the format has it.
_LONGEST = 100_000_000
_METADATA = "__metadata__"
#: Element types of the format, as torch calls them; others are left to the reader of the format.
DTYPES = {
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
    "U16": torch.uint16,
    "U32": torch.uint32,
    "U64": torch.uint64,
    "C64": torch.complex64,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}


@attrs.frozen
class Header:
    """The tensors of a safetensors file, as empty ones on the device ``meta``.

    Attributes:
        tensors: by name; those of element types that torch lacks are left out.
    """

    tensors: dict[str, torch.Tensor]

    @classmethod
    def of(cls, path: Path) -> Header:
        """Read the header of a file, and nothing more.

        Raises:
            ModelError: it does not account for the file's size, names a tensor twice, or is none.
        """
        try:
            with path.open("rb") as file:
                size = path.stat().st_size
                (length,) = struct.unpack("<Q", file.read(8))
                if length > min(_LONGEST, size - 8):
                    raise ValueError(f"its header has {length} bytes")
                entries = parse_json(file.read(length))
            entries.pop(_METADATA, None)
            ends = [int(entry["data_offsets"][1]) for entry in entries.values()]
            if 8 + length + max(ends, default=0) != size:
                raise ValueError(f"its header tells of {8 + length + max(ends, default=0)} bytes where it has {size}")
            return cls({name: _empty(**entry) for name, entry in entries.items() if entry["dtype"] in DTYPES})
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, struct.error) as error:
            reason = str(error) or type(error).__name__
            raise ModelError(f"'{path}' is not a whole safetensors file: {reason}; get a fresh copy") from error


def _empty(dtype: str, shape: list[int], data_offsets: list[int]) -> torch.Tensor:
    begin, end = data_offsets
    kind = DTYPES[dtype]
    if prod(shape) * kind.itemsize != end - begin:
        raise ValueError(f"a tensor of shape {tuple(shape)} has {end - begin} bytes")
    return torch.empty(shape, dtype=kind, device="meta")
