"""`fenced`: a block in which a component's own code runs, so that what it does wrong is told under its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from fpframe.errors import FpframeError, PluginError, first_line
from fpframe.interfaces.component import Component
from fpframe.models import state_digest

ResultT = TypeVar("ResultT")
_open: ContextVar[bool] = ContextVar("open", default=False)


@contextmanager
def unfenced() -> Iterator[None]:
    """Let what components raise and change through, inside the block: for checks that look at that themselves."""
    before = _open.set(True)
    try:
        yield
    finally:
        _open.reset(before)


@contextmanager
def fenced(component: Component, *kept: nn.Module, doing: str) -> Iterator[None]:
    """Run a component's own code inside the block.

    What fpframe ships is not fenced against errors: one of its own is a fault to be reported, with a traceback.

    Args:
        component: whose code it is.
        kept: networks that it is given, and must leave as they are.
        doing: what it does, as words after its name, such as ``making a perturbation``.

    Raises:
        PluginError: it raised something that is no error of fpframe, ended the process, or changed a network. The
            network has its former weights again then.
    """
    if _open.get():
        yield
        return
    before = [(network, state_digest(network), _weights(network)) for network in kept]
    try:
        yield
    except (FpframeError, KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:  # SystemExit too: an exit code of 0 would say that all went well
        if not component.package:
            raise
        raise PluginError(f"{named(component)} failed {doing}: {_what(error)}; mend it, or leave it out") from error
    finally:
        changed = [(network, weights) for network, digest, weights in before if state_digest(network) != digest]
        with torch.no_grad():
            for network, weights in changed:
                network.load_state_dict(weights, strict=False)
    if changed:
        raise PluginError(
            f"{named(component)} changed the weights of a model that it was given {doing}; nothing that it made is "
            "kept: mend it, or leave it out"
        )


def require(component: Component, made: object, expected: type[ResultT], *, doing: str) -> ResultT:
    """Return what a component made.

    Raises:
        PluginError: it is something else than it should be, such as nothing.
    """
    if isinstance(made, expected):
        return made
    found = "nothing" if made is None else f"a {type(made).__name__}"
    raise PluginError(
        f"{named(component)} returned {found} {doing}, where a {expected.__name__} is expected; mend it, or "
        "leave it out"
    )


def named(component: Component) -> str:
    """Return what a component is called in messages, with the package that it comes from."""
    package = f" (package {component.package})" if component.package else ""
    return f"{component.kind} '{component.name}'{package}"


def _what(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"it ended the process with code {error.code or 0}"
    said, kind = first_line(error), type(error).__name__
    return kind if said == kind else f"{kind}: {said}"


def _weights(network: nn.Module) -> dict[str, Any]:
    return {
        name: value.detach().clone() if isinstance(value, Tensor) else value
        for name, value in network.state_dict().items()
    }
