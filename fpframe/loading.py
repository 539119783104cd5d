"""Find the installed plugins, and load them one by one so that a broken one is isolated and named."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from fpframe.registry import Plugin, Registry

#: Entry-point group, and the name under which blocked plugins stand in the environment.
GROUP = "fpframe"
DISABLED = "FPFRAME_DISABLED_PLUGINS"


def load_registry(*, blocked: Iterable[str] = ()) -> Registry:
    """Return a registry of all installed plugins.

    Args:
        blocked: entry-point names to leave out, besides those in ``FPFRAME_DISABLED_PLUGINS`` (comma-separated).
    """
    names = {*blocked, *filter(None, map(str.strip, os.environ.get(DISABLED, "").split(",")))}
    found = sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, _distribution(entry)))
    return Registry(
        [_load(entry) for entry in found if entry.name not in names], blocked=sorted(names), discovered=True
    )


def _load(entry: EntryPoint) -> Plugin:
    distribution, version = _distribution(entry)
    try:
        module = entry.load()
    except (Exception, SystemExit) as error:
        text = (str(error).strip() or type(error).__name__).splitlines()[0]
        return Plugin(
            name=entry.name,
            distribution=distribution,
            version=version,
            error=f"it fails at import: {type(error).__name__}: {text}",
        )
    return Plugin(name=entry.name, module=module, distribution=distribution, version=version)


def _distribution(entry: EntryPoint) -> tuple[str, str]:
    return (entry.dist.name, entry.dist.version) if entry.dist is not None else ("", "")
