"""`Run`: how work is carried out, in one object that every long call takes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

import attrs

from fpframe.base import Listener, computing_on, ignore
from fpframe.errors import UsageError
from fpframe.executors import Executor
from fpframe.parameters import whole
from fpframe.registry import Registry, load_registry
from fpframe.store import Store


def _store(place: Store | str | Path | None) -> Store:
    if isinstance(place, Store):
        return place
    return Store.default() if place is None else Store(Path(place))


def _names(classes: Sequence[str] | None) -> tuple[str, ...] | None:
    if isinstance(classes, str):
        raise UsageError(f"'classes' is a text (got '{classes}'); give a list with one name for each class")
    return None if classes is None else tuple(classes)


def _folder(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)


@attrs.frozen(kw_only=True, eq=False, slots=False)
class Run:
    """Where the data lie and how work is carried out. It changes no result: what is done is up to the recipe.

    One run serves any number of calls, which then share the store and the registry.

    Attributes:
        workers: processes that train models.
        device: where models are trained and asked: ``cpu``, ``cuda`` or ``cuda:N``; ``None`` takes ``FPFRAME_DEVICE``,
            or a GPU where torch finds one.
        data_root: folder of data sets that are files.
        classes: names of the classes in the order in which the victim numbers them; ``None`` takes the data set's own.
        store: where trained models are kept and found again, or its folder; ``None`` takes the user's own.
        on_event: is told of progress.
        trust_code: whether an address that imports code, such as ``python:MODULE:FUNCTION``, is followed though nobody
            but a file that somebody else may have made, such as an enrolment, names it.
        executor: what trains models instead of `workers` processes, such as a Ray cluster or jobs of Slurm.
        registry: plugins; ``None`` takes the installed ones.
    """

    workers: int = attrs.field(default=1, validator=whole(low=1))
    device: str | None = None
    data_root: Path | None = attrs.field(default=None, converter=_folder)
    classes: tuple[str, ...] | None = attrs.field(default=None, converter=_names)
    store: Store = attrs.field(default=None, converter=_store)
    on_event: Listener = ignore
    trust_code: bool = False
    executor: Executor | None = None
    _registry: Registry | None = attrs.field(default=None, repr=False)

    @cached_property
    def registry(self) -> Registry:
        """The plugins. The installed ones are looked up when they are first needed, and once."""
        return load_registry() if self._registry is None else self._registry

    def computing(self) -> AbstractContextManager[None]:
        """Return a block in which models are trained and asked on the run's device.

        Raises:
            UsageError: there is no such device.
        """
        return computing_on(self.device)
