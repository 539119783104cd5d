"""Plugins that are installed for a test, and a watch on what is looked at."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint

import pytest

from core.registry.quiet_plugin import SOUND
from fpframe.registry import probe, table
from fpframe.registry.offers import Description


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that makes plugins of modules, as if a distribution had brought them."""
    monkeypatch.setenv("FPFRAME_PLUGIN_CACHE", str(tmp_path / "cache"))
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    entries: list[EntryPoint] = []
    monkeypatch.setattr("fpframe.registry.discovery.entry_points", lambda group: tuple(entries))
    made: list[str] = []

    def plugin(name, source=SOUND, *, first="", value="{module}"):
        made.append(f"{name}_plugin")
        (site / f"{name}_plugin.py").write_text(source.replace("{name}", name).replace("{first}", first))
        entries.append(EntryPoint(name, value.replace("{module}", f"{name}_plugin"), "fpframe"))

    yield plugin
    for name in made:
        sys.modules.pop(name, None)


@pytest.fixture
def probes(monkeypatch, request):
    """Return a list that grows by the names of the plugins which a child process is asked to look at.

    With the parameter ``quick`` there is no child process, and each plugin is found to offer a filter of its name.
    """
    seen: list[list[str]] = []
    quick = getattr(request, "param", "") == "quick"

    def watched(entries):
        seen.append([entry.name for entry in entries])
        if not quick:
            return probe.probe(entries)
        offers = [Description(kind="filter", name=entry.name, doc="", parameters={}) for entry in entries]
        return [probe.Finding(offers=(offer,)) for offer in offers]

    monkeypatch.setattr(table, "probe", watched)
    return seen
