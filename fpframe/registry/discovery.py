"""`load_registry`: a registry of what is installed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from itertools import groupby

from fpframe.errors import PluginError, nearest
from fpframe.registry.entry import Entry
from fpframe.registry.pins import parse_pin
from fpframe.registry.registry import Plugin, Registry
from fpframe.registry.table import installed_plugins

#: Entry-point group, and the names under which blocked and pinned plugins stand in the environment.
GROUP = "fpframe"
DISABLED = "FPFRAME_DISABLED_PLUGINS"
PINNED = "FPFRAME_PLUGINS"


def load_registry(
    *,
    blocked: Iterable[str] = (),
    pinned: Iterable[str] = (),
    extra: Iterable[object] = (),
    refresh: bool = False,
) -> Registry:
    """Return a registry of all installed plugins.

    A plugin that was not seen before is imported in a child process, one by one and with a limit of time; what it
    offers is kept in the user's cache. Here a plugin's module is imported when something of it is first used.

    Args:
        blocked: plugins to leave out, ``NAME`` or ``DISTRIBUTION:NAME``, besides those in
            ``FPFRAME_DISABLED_PLUGINS`` (comma-separated).
        pinned: ``DISTRIBUTION:NAME``: whose component to take where several distributions offer one of this name,
            besides those in ``FPFRAME_PLUGINS`` (comma-separated).
        extra: modules or objects with hook implementations, that need not be installed. Worker processes cannot find
            them: everything works with one worker then.
        refresh: look at every plugin again.

    Raises:
        PluginError: a pin is not of this form, or nothing of this name is installed from there.
        ResourceError: the child process cannot work.
    """
    left_out = sorted({*blocked, *_listed(DISABLED)})
    chosen = sorted({*pinned, *_listed(PINNED)})
    found = sorted(
        ((*of, Entry(entry.name, entry.value)) for entry, of in _installed()),
        key=lambda row: (row[0], row[2].name),
    )
    found = [row for row in found if not {row[2].name, f"{row[0]}:{row[2].name}"} & set(left_out)]
    plugins: list[Plugin] = []
    for (distribution, version), rows in groupby(found, key=lambda row: row[:2]):
        plugins += installed_plugins([entry for *_, entry in rows], distribution, version, refresh=refresh)
    plugins.sort(key=lambda plugin: (plugin.name, plugin.distribution))
    own = tuple(extra)
    registry = Registry([*plugins, *own], blocked=left_out, pinned=chosen, discovered=not own)
    _require_pins(registry)
    return registry


def installed_names() -> list[str]:
    """Return the names of installed plugins, as ``NAME`` and as ``DISTRIBUTION:NAME``."""
    entries = [(entry.name, distribution) for entry, (distribution, _) in _installed()]
    return sorted({name for name, _ in entries} | {f"{distribution}:{name}" for name, distribution in entries})


def _listed(variable: str) -> list[str]:
    return [name for name in map(str.strip, os.environ.get(variable, "").split(",")) if name]


def _installed() -> list[tuple[EntryPoint, tuple[str, str]]]:
    """Return each entry point with the name and version of its distribution."""
    named = cache(_named)  # each asks for a file to be parsed, and many entry points are of one distribution
    return [(entry, named(entry.dist)) for entry in entry_points(group=GROUP)]


def _named(distribution: Distribution | None) -> tuple[str, str]:
    return ("", "") if distribution is None else (distribution.name, distribution.version)


def _require_pins(registry: Registry) -> None:
    """Make sure that there is something to take for every pin."""
    known = set().union(*(info.pins(*(name for _, name in info.components)) for info in registry.plugins))
    for pin in registry.pinned:
        if parse_pin(pin) not in known:
            hint = nearest(pin, [f"{distribution}:{name}" for distribution, name in known])
            hint = hint if "did you mean" in hint else "; see fpframe plugins"
            raise PluginError(f"nothing that is installed is called '{pin}'{hint}")
