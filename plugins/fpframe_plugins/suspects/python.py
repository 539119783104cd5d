"""`python`: a suspect that the user's own code asks or builds."""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import attrs
import torch
from torch import nn

import fpframe
from fpframe.base import Address, import_callable
from fpframe.errors import first_line
from fpframe.models import state_digest
from fpframe.opening import function_query, module_query, refuse_backbone
from fpframe.rng import isolated

#: The module of the example; its weights lie beside it.
_EXAMPLE = """\
from pathlib import Path

import torch


def load():
    return torch.load(Path(__file__).with_suffix(".pt"), weights_only=False)
"""


@attrs.frozen(kw_only=True)
class PythonSuspect(fpframe.SuspectSource):
    """Open ``python:MODULE:FUNCTION``; modules are searched in the current folder and installed packages.

    A function with one required argument is asked: it takes pixels ``(N, C, H, W)`` in [0, 1] and returns
    probabilities, logits or labels. One without is called, and returns a ``torch.nn.Module`` or such a
    function. A module-level ``torch.nn.Module`` is asked itself. The code runs with the user's rights.

    What is asked may name its classes: in a list ``class_names`` of its own, or as ``config.id2label``.
    """

    name: ClassVar[str] = "python"
    forms: ClassVar[tuple[str, ...]] = ("python:MODULE:FUNCTION",)
    imports_code: ClassVar[bool] = True

    def open(self, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to the function or to what it makes.

        Raises:
            UsageError: there is no such module or function, or it takes other arguments.
            ModelError: the function fails when it is called, or makes nothing that can be asked.
        """
        refuse_backbone(request)
        suspect = import_callable(Address.parse(request.address).rest)
        notes: tuple[fpframe.Note, ...] = ()
        if not isinstance(suspect, nn.Module) and _required(suspect, request.address) == 0:
            factory = suspect
            suspect = _made(factory, request.address, seed=0)
            if _is_fresh(suspect, _made(factory, request.address, seed=1)):
                notes = (
                    fpframe.Note(
                        "suspect-untrained",
                        f"'{request.address}' returns a network with new random weights at each call: an untrained "
                        "network was asked.",
                    ),
                )
        query = module_query(suspect, request) if isinstance(suspect, nn.Module) else function_query(suspect, request)
        query.notes = notes
        return query

    def example(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectRequest:
        """Write a model as a pickle, and a module with a function that returns it."""
        # a module stays imported under its name, so that no two examples of one process may share one
        content = f"{folder.resolve()} {state_digest(model)}"
        name = f"suspect_{hashlib.sha256(content.encode()).hexdigest()[:16]}"
        torch.save(model, folder / f"{name}.pt")
        (folder / f"{name}.py").write_text(_EXAMPLE)
        importlib.invalidate_caches()
        return fpframe.SuspectRequest(
            address=f"{self.name}:{name}:load", num_classes=model.num_classes, image_shape=model.image_shape
        )


def _required(function: Callable[..., Any], address: str) -> int:
    """Return how many arguments must be given: none for a factory, one for a function that is asked."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        # compiled functions may hide their signature; only one that is asked makes sense then
        return 1
    needed = [
        parameter
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if len(needed) > 1 or any(parameter.kind is parameter.KEYWORD_ONLY for parameter in needed):
        raise fpframe.UsageError(
            f"the function needs {', '.join(parameter.name for parameter in needed)} ({address}); "
            "it must take the pixels alone, or nothing and return a network"
        )
    return len(needed)


def _is_fresh(first: Any, second: Any) -> bool:
    """Tell whether two calls of a factory gave networks with different weights."""
    networks = isinstance(first, nn.Module) and isinstance(second, nn.Module)
    return networks and state_digest(first) != state_digest(second)


def _made(factory: Callable[..., Any], address: str, *, seed: int) -> Callable[..., Any]:
    try:
        with isolated(seed):
            suspect = factory()
    except Exception as error:
        raise fpframe.ModelError(
            f"the function failed: {first_line(error)} ({address}); it is called without arguments and returns a "
            "network"
        ) from error
    if not callable(suspect):
        raise fpframe.ModelError(
            f"the function returned a {type(suspect).__name__} ({address}); "
            "it must return a torch.nn.Module or a function from pixels to answers"
        )
    return suspect  # type: ignore[no-any-return]


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the source."""
    return [PythonSuspect]
