"""Every error that a user can cause, each with its documented exit code.

A message reads ``<what> (<where>); <what to do>``, so that it can be shown on one line without a traceback.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import ClassVar


class FpframeError(Exception):
    """Base of all errors that fpframe raises on purpose; one without a code of its own is a fault."""

    exit_code: ClassVar[int] = 70


class UsageError(FpframeError):
    """A wrong command line, address, option or refused alpha."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe that cannot be read or holds an impossible value."""


class ParameterError(UsageError, ValueError):
    """A hyper-parameter of a component outside its range."""


class PluginError(UsageError):
    """A plugin that is unknown, broken, or clashes with another one."""


class ModelError(FpframeError):
    """A victim or suspect that cannot be opened or does not fit the data."""

    exit_code = 3


class KindChangedError(ModelError):
    """A suspect that answers in another kind than it did at first, such as in percent after probabilities."""


class DataError(FpframeError):
    """A data set that is missing, empty or unsuitable."""

    exit_code = 3


class IntegrityError(FpframeError):
    """Stored content that does not match its digest."""

    exit_code = 5


class ResourceError(FpframeError):
    """Something ran out: a query budget, a worker, disk space."""

    exit_code = 6


class TransportError(ResourceError):
    """The way to a suspect failed, such as a connection, and not the suspect: it may answer when it is asked again."""


class SuspectUnavailableError(TransportError):
    """A service that did not answer: out of reach, overloaded, or it wants a key or money; its model said nothing."""

    exit_code = 4


class RefusedQueryError(ModelError):
    """A service that refuses what it is asked, such as images that it was sent before; it may answer others."""


class FpframeDeprecationWarning(FutureWarning):
    """Something that a coming release removes, and what to use in its place.

    A `FutureWarning`, since Python shows no other deprecation to people who name a component in a recipe.
    """


_OUT_OF_MEMORY = re.compile(
    r"out of memory|bad_alloc|bad allocation|(can't|cannot|failed to) allocate|not enough memory", re.I
)


def ran_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error is that there was not enough memory, as Python, PyTorch and other libraries say so."""
    return isinstance(error, MemoryError) or bool(_OUT_OF_MEMORY.search(str(error)))


def nearest(word: str, options: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?``, or the list of options when none is close."""
    names = sorted(options)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known: {', '.join(names)}" if names else "; none is known"


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or its type where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
