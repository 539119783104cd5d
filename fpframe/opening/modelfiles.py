"""What the files of exported networks have in common: where they lie, and what input they want."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from fpframe.base import Address, mistaken_for, why_unread
from fpframe.errors import ModelError, UsageError
from fpframe.interfaces import SuspectRequest
from fpframe.opening.layouts import colour, written

#: Element types that a network may want its images in.
INPUT_DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.uint8)


def has_suffix(address: str, *suffixes: str) -> bool:
    """Tell whether an address is the path of a file with one of the suffixes, in any case."""
    return not Address.parse(address).prefix and address.lower().endswith(suffixes)


def existing_file(address: str) -> Path:
    """Return the path of a regular file.

    Raises:
        ModelError: there is no such file, it may not be read, or it is something that people often take for a model.
    """
    path = Path(address)
    try:
        if path.is_dir():
            raise ModelError(f"'{address}' is a folder; give the path of a model file")
        if path.exists() and not path.is_file():
            raise ModelError(f"'{address}' is a device, a pipe or a socket; give the path of a model file")
        if not path.is_file():
            raise ModelError(f"no such file: '{address}' (seen from {Path.cwd()}); check the path")
        with path.open("rb") as stream:
            mistaken = mistaken_for(stream.read(512))
    except OSError as error:
        raise ModelError(f"'{address}' cannot be read: {why_unread(error)}; check the path") from error
    if mistaken:
        raise ModelError(f"'{address}' is not a model: {mistaken}")
    return path


def file_digest(path: Path, *others: Path) -> str:
    """Return the SHA-256 of a file's bytes; with other files that belong to it, that of their digests in this order."""
    if others:
        return hashlib.sha256(" ".join(file_digest(each) for each in (path, *others)).encode()).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_input(shape: Sequence[int | None], dtype: torch.dtype | None, request: SuspectRequest) -> int | None:
    """Check what an exported network says about its input, and return its batch size where that is fixed.

    Args:
        shape: the input's dimensions, ``None`` where they are free.
        dtype: its element type, ``None`` for one that torch does not know.
        request: what the images will be like.

    Raises:
        ModelError: images of the request do not fit.
        UsageError: a mean or std was given for a network that takes 8-bit images.
    """
    if dtype not in INPUT_DTYPES:
        raise ModelError(f"the suspect does not take images of floats or bytes ({request.address}); export it again")
    if len(shape) != 4:
        raise ModelError(
            f"the suspect takes input with {len(shape)} dimensions where images have 4: count, channels, "
            f"height, width ({request.address}); export it for images"
        )
    batch, channels, *size = shape
    wanted, *wanted_size = request.prepared_shape
    if channels not in (None, wanted):
        raise ModelError(
            f"the suspect takes {colour(channels)} images (shape {written(shape)}) where the queries are "
            f"{colour(wanted)} ({request.address}); both must take the same images, channels first"
        )
    if any(given not in (None, need) for given, need in zip(size, wanted_size, strict=True)):
        raise ModelError(
            f"the suspect takes images of {size[0]} x {size[1]} pixels where the queries have "
            f"{wanted_size[0]} x {wanted_size[1]} ({request.address}); both must take the same images"
        )
    if dtype == torch.uint8 and (request.mean is not None or request.std is not None):
        raise UsageError(
            f"'mean' and 'std' do not apply to a suspect that takes 8-bit images ({request.address}); leave them out"
        )
    return batch


def as_input(pixels: Tensor, dtype: torch.dtype) -> Tensor:
    """Turn pixels in [0, 1] into the element type that a network wants; uint8 stands for 0 to 255."""
    return (pixels * 255).round().to(torch.uint8) if dtype == torch.uint8 else pixels.to(dtype)
