"""Whether the methods of a component can be called in the way in which its interface calls them."""

from __future__ import annotations

import inspect
from typing import Any

from fpframe.errors import PluginError
from fpframe.interfaces import Component


def check_signatures(component: type[Component]) -> None:
    """Make sure that every method which a class overrides takes what callers of the interface hand over.

    Parameters that the interface does not know are allowed where they have defaults.

    Raises:
        PluginError: a method cannot be called so; the message shows the signature that it should have.
    """
    for name, (owner, method) in _methods_of_interfaces(component).items():
        own = inspect.getattr_static(component, name)
        if own is inspect.getattr_static(owner, name):
            continue
        expected = inspect.signature(_function(method))
        if not callable(_function(own)) or not _takes(inspect.signature(_function(own)), expected):
            shown = _without_annotations(expected)
            raise PluginError(f"{component.__name__}.{name} has a wrong signature; write def {name}{shown}")


def _methods_of_interfaces(component: type[Component]) -> dict[str, tuple[type, Any]]:
    """Return the methods that fpframe's own classes in the line of `component` define, with their owner."""
    found: dict[str, tuple[type, Any]] = {}
    for owner in component.__mro__:
        if not issubclass(owner, Component) or owner.__module__.split(".")[:2] != ["fpframe", "interfaces"]:
            continue
        for name, value in vars(owner).items():
            if inspect.isfunction(_function(value)) and not name.startswith("_"):
                found.setdefault(name, (owner, value))
    return found


def _function(value: Any) -> Any:
    return value.__func__ if isinstance(value, classmethod | staticmethod) else value


def _takes(own: inspect.Signature, expected: inspect.Signature) -> bool:
    """Tell whether a function with signature `own` can be called by position and by keyword as `expected` says."""
    positional = [p for p in expected.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    keyword = {p.name: None for p in expected.parameters.values() if p.kind is p.KEYWORD_ONLY}
    try:
        own.bind(*positional, **keyword)
        # what is optional for callers is left out by some of them
        own.bind(
            *[p for p in positional if p.default is p.empty],
            **{name: None for name in keyword if expected.parameters[name].default is inspect.Parameter.empty},
        )
    except TypeError:
        return False
    # other names may be given to what comes by position, but not in another order
    names = [p.name for p in own.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    order = [p.name for p in positional]
    return all(name not in order or order.index(name) == at for at, name in enumerate(names))


def _without_annotations(signature: inspect.Signature) -> str:
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))
