"""What files for somebody else's runtime share: the library that runs them, and how its failures are told."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fpframe
from fpframe.errors import first_line, ran_out_of_memory

#: The variable by which onnxruntime is told to keep what it runs to itself.
_UNTOLD = "ORT_DISABLE_TELEMETRY"


@contextmanager
def told_to_nobody() -> Iterator[None]:
    """Keep onnxruntime from telling its maker what it runs, and from writing a number of the user's for that."""
    if _UNTOLD in os.environ:
        yield
        return
    os.environ[_UNTOLD] = "1"  # it looks there once, while it is imported
    try:
        yield
    finally:
        del os.environ[_UNTOLD]


def needed_library(module: str, request: fpframe.SuspectRequest, *, called: str, extra: str) -> Any:
    """Import the library that runs a file.

    Raises:
        UsageError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise fpframe.UsageError(
            f"{called} is not installed ({request.address}); pip install 'fpframe[{extra}]'"
        ) from error


def not_run(error: Exception, path: Path, *, network: str, again: str, said: str = "") -> fpframe.FpframeError:
    """Return the error that a library could not make a network of a file.

    Args:
        error: what it raised.
        path: the file.
        network: what it should be, such as ``an ONNX network that onnxruntime can run``.
        again: what to do, such as ``export it again``.
        said: what of the error is told; its first line by default.
    """
    if ran_out_of_memory(error):
        return fpframe.ResourceError(f"the network needs more memory than it may use ({path}); raise --memory")
    return fpframe.ModelError(f"'{path}' is damaged, or not {network}: {said or first_line(error)}; {again}")


def only_input(inputs: Sequence[Any], names: Sequence[str], request: fpframe.SuspectRequest, *, again: str) -> Any:
    """Return the one input that a network has.

    Raises:
        ModelError: it has none, or several.
    """
    if len(inputs) != 1:
        told = f" ({', '.join(names)})" if names else ""
        raise fpframe.ModelError(
            f"the suspect takes {len(inputs)} inputs{told} where one batch of images is asked ({request.address}); "
            f"{again} with the images as its only input"
        )
    return inputs[0]
