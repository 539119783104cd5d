"""Say what became of a keyword that an earlier version took, instead of only that it is unknown."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

#: What to write now in place of a former keyword.
FORMER = {
    "absent": "without=...",
    "weights": "victim=fpframe.Victim(model, weights=...)",
    "victim_indices": "victim=fpframe.Victim(model, indices=...)",
    "workers": "run=fpframe.Run(workers=...)",
    "data_root": "run=fpframe.Run(data_root=...)",
    "store": "run=fpframe.Run(store=...)",
    "registry": "run=fpframe.Run(registry=...)",
    "on_event": "run=fpframe.Run(on_event=...)",
    "executor": "run=fpframe.Run(executor=...)",
}


def explains_former(**own: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator for a function that refuses former keywords with a `TypeError` that names the present ones.

    Args:
        own: what to write in place of former keywords of this function, besides those in `FORMER`.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        former = {**FORMER, **own}
        for name in inspect.signature(function).parameters:
            former.pop(name, None)

        @functools.wraps(function)
        def explaining(*args: P.args, **kwargs: P.kwargs) -> R:
            for name in kwargs:
                if name in former:
                    raise TypeError(f"{function.__name__}() no longer takes '{name}'; write {former[name]}")
            return function(*args, **kwargs)

        return explaining

    return decorate
