"""What an ONNX file says before anything runs it: whether it keeps to the format, and which files hold its weights."""

from __future__ import annotations

import importlib
import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fpframe
from fpframe.errors import first_line

#: The key under which the format keeps where weights lie; a file without it keeps none elsewhere.
_KEY = b"location"


def checked_files(path: Path) -> list[Path]:
    """Check a file with the format's own checker, and return the files that hold its weights, in order of their names.

    Weights lie in its folder or below, as plain files: one that names others reads what is not its own.

    Raises:
        UsageError: it keeps weights elsewhere, and the package that reads where is not installed.
        ModelError: the file is damaged, or its weights are missing or lie somewhere else.
    """
    onnx = _library(path)
    if onnx is None:
        return []
    try:
        graph = onnx.load_model(path, load_external_data=False)
    except Exception as error:
        raise fpframe.ModelError(
            f"'{path}' is damaged, or not an ONNX file: {first_line(error)}; get it again"
        ) from error
    files = [_confined(path, place) for place in _places(graph)]
    try:
        onnx.checker.check_model(str(path))
    except Exception as error:
        if not _is_newer(error):  # than the checker, which says nothing about what runs it
            raise fpframe.ModelError(
                f"'{path}' does not keep to the ONNX format: {first_line(error)}; export it again"
            ) from error
    return files


def whole_content(path: Path) -> bytes:
    """Return an ONNX file with all that its weights' files hold; see `checked_files`, which comes before."""
    content: bytes = importlib.import_module("onnx").load_model(path).SerializeToString()
    return content


def external_files(path: Path) -> list[Path]:
    """Return the files in its folder or below that an ONNX file says its weights lie in, as far as they exist."""
    onnx = _library(path) if path.is_file() else None
    if onnx is None:
        return []
    try:
        places = _places(onnx.load_model(path, load_external_data=False))
    except Exception:
        return []  # whoever opens it is told that it is damaged
    files = (path.parent / place for place in places if not _leaves(place))
    return [file for file in files if file.is_file()]


def _library(path: Path) -> Any:
    """Return the package that reads the format; ``None`` where it is not installed, and not needed."""
    try:
        return importlib.import_module("onnx")
    except ImportError as error:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content.find(_KEY) < 0:
                return None
        raise fpframe.UsageError(f"onnx is not installed ({path}); pip install 'fpframe[onnx]'") from error


def _places(graph: Any) -> list[str]:
    return sorted(
        {
            entry.value
            for tensor in _tensors(graph)
            for entry in tensor.external_data
            if entry.key.encode() == _KEY and tensor.data_location == tensor.EXTERNAL
        }
    )


def _leaves(place: str) -> bool:
    """Tell whether a place may be outside the folder, on any system."""
    parts = re.split(r"[/\\]", place)
    return not place or ".." in parts or parts[0] == "" or ":" in parts[0]


def _confined(path: Path, place: str) -> Path:
    told = "".join(letter if letter.isprintable() else " " for letter in place[:200])
    if _leaves(place):
        raise fpframe.ModelError(
            f"'{path}' says that its weights lie in '{told}', outside its folder; export it with its weights beside it"
        )
    folder, file = path.parent.resolve(), path.parent / place
    try:
        inside = file.resolve().is_relative_to(folder)
        missing = not file.is_file()
    except (OSError, ValueError):
        inside, missing = True, True
    if not inside:
        raise fpframe.ModelError(
            f"'{path}' says that its weights lie in '{told}', which is a link to a file outside its folder; copy that "
            "file to its place"
        )
    if missing:
        raise fpframe.ModelError(f"'{told}', in which '{path}' says that its weights lie, is missing; put it there")
    return file


def _is_newer(error: Exception) -> bool:
    return bool(re.search(r"ir_version|opset|No Op registered|not (?:yet )?supported", str(error), re.I))


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
