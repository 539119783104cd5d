"""`Check`: one promise that components make, as a function that asks one component whether it keeps it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from fpframe.errors import UsageError
from fpframe.interfaces import Component, Scheme, Stratum, unfenced
from fpframe.registry import Registry

if TYPE_CHECKING:
    from fpframe.testing.bench import Bench

#: Takes a component and a bench; of schemes and strata, which are data, the offer and a registry.
Function = Callable[[Any, Any], None]


class ConformanceError(AssertionError):
    """A component breaks a promise of its kind; the message says which, and what to do."""


class NotHere(Exception):  # noqa: N818  # nothing is wrong
    """A check cannot be made on this machine, such as one for a GPU; the message says why."""


@attrs.frozen(kw_only=True)
class Check:
    """One promise.

    Attributes:
        name: what it is called by, the name of its function.
        kinds: kinds of component that it is for; empty for all.
        applies: whether it is for this component, by what the component declares.
        function: takes component and bench; raises an `AssertionError` where the promise is broken.
    """

    name: str
    kinds: tuple[str, ...]
    applies: Callable[[Any], bool]
    function: Function

    @property
    def summary(self) -> str:
        """The promise, in one sentence."""
        return (inspect.getdoc(self.function) or "").splitlines()[0]

    def __call__(self, component: Component | Scheme | Stratum, bench: Bench | Registry) -> None:
        """Check one component on a bench, or a scheme or stratum with a registry.

        Raises:
            ConformanceError: the promise is broken, or the component fails while it is tried.
            NotHere: it cannot be checked on this machine.
        """
        try:
            with unfenced():  # what it raises and changes is looked at here
                self.function(component, bench)
        except (ConformanceError, NotHere):
            raise
        except AssertionError as error:
            raise ConformanceError(f"'{component.name}': {error}") from error
        except Exception as error:
            library = error.__cause__ if isinstance(error, UsageError) else None
            if isinstance(library, ModuleNotFoundError):  # refused in good order
                raise NotHere(f"it needs '{library.name}', which is not installed") from error
            reason = " ".join(str(error).split())
            raise ConformanceError(
                f"'{component.name}' fails while it is tried: {type(error).__name__}: {reason}"
            ) from error


def check(*kinds: str, when: Callable[[Any], bool] = lambda component: True) -> Callable[[Function], Check]:
    """Make a `Check` of a function whose docstring is the promise.

    Args:
        kinds: kinds of component that it is for; none means all.
        when: whether it is for a component, by its declared capabilities.
    """

    def made(function: Function) -> Check:
        return Check(name=function.__name__, kinds=kinds, applies=when, function=function)

    return made


def require(condition: object, message: str) -> None:
    """Raise `message` where `condition` does not hold: ``<what is wrong>; <what to do>``, without the component's name.

    Raises:
        AssertionError: with this message.
    """
    if not condition:
        raise AssertionError(message)
