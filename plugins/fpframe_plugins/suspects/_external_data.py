"""Which files beside an ONNX file hold its weights, by what the file itself says."""

from __future__ import annotations

import importlib
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fpframe

#: The key under which the format keeps where weights lie; a file without it keeps none elsewhere.
_KEY = b"location"


def external_files(path: Path) -> list[Path]:
    """Return the files that an ONNX file says its weights lie in, as far as they exist.

    Raises:
        UsageError: it may say so, and the package that reads it is not installed.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(_KEY) < 0:
            return []
    try:
        onnx = importlib.import_module("onnx")
    except ImportError as error:
        raise fpframe.UsageError(f"onnx is not installed ({path}); pip install 'fpframe[onnx]'") from error
    places = {
        entry.value
        for tensor in _tensors(onnx.load_model(path, load_external_data=False))
        for entry in tensor.external_data
        if entry.key.encode() == _KEY
    }
    files = (path.parent / place for place in sorted(places))
    return [file for file in files if file.is_file()]


def _tensors(message: Any) -> Iterator[Any]:
    """Yield all tensors anywhere in a message of the format."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for below in [value] if hasattr(value, "DESCRIPTOR") else value:
            yield from _tensors(below)
