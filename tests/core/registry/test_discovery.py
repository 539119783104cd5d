"""Installed plugins: imported when something of them is used, and not before."""

from __future__ import annotations

import sys

import pytest

import fpframe
from core.registry.quiet_plugin import SOUND
from fpframe import PluginError


def test_a_plugin_is_imported_when_something_of_it_is_used_and_what_it_prints_is_no_result(install, capfd):
    install("one", first="print('loud')")
    install("two")
    registry = fpframe.load_registry()
    assert [(told.kind, told.name, told.parameters) for _, told in registry.described()] == [
        ("filter", "one", {"strength": 0.5}),
        ("filter", "two", {"strength": 0.5}),
    ]
    assert not {"one_plugin", "two_plugin"} & set(sys.modules)
    assert registry.create("filter", "one", strength=0.25).strength == 0.25
    assert ("one_plugin" in sys.modules, "two_plugin" in sys.modules) == (True, False)
    assert capfd.readouterr() == ("", "loud\n")
    assert registry.get("filter", "one") is fpframe.load_registry().get("filter", "one")


@pytest.mark.parametrize("probes", ["quick"], indirect=True)
def test_a_blocked_plugin_is_not_even_looked_at_and_others_are_not_looked_at_again(install, probes, monkeypatch):
    install("one")
    install("two")
    monkeypatch.setenv("FPFRAME_DISABLED_PLUGINS", "one,")
    assert fpframe.load_registry().names("filter") == ["two"]
    assert probes == [["two"]]
    monkeypatch.delenv("FPFRAME_DISABLED_PLUGINS")
    assert fpframe.load_registry().names("filter") == ["one", "two"]
    assert fpframe.load_registry(blocked=["two"]).names("filter") == ["one"]
    assert probes == [["two"], ["one"]], "each is looked at once"


def test_a_plugin_that_breaks_after_it_was_looked_at_says_so_when_it_is_used(install, tmp_path):
    install("one")
    registry = fpframe.load_registry()
    (tmp_path / "site/one_plugin.py").write_text("raise RuntimeError('edited')")
    with pytest.raises(PluginError, match="plugin 'one' does not load: it fails at import: RuntimeError: edited"):
        registry.get("filter", "one")


def test_a_component_that_goes_after_it_was_looked_at_says_so_when_it_is_used(install, tmp_path):
    install("one")
    registry = fpframe.load_registry()
    (tmp_path / "site/one_plugin.py").write_text(SOUND.format(name="other", first=""))
    with pytest.raises(PluginError, match="plugin 'one' no longer offers filter one"):
        registry.get("filter", "one")


def test_a_pin_that_finds_nothing_is_refused(install):
    install("one")
    with pytest.raises(PluginError, match="nothing that is installed is called 'somewhere:one'; see fpframe plugins"):
        fpframe.load_registry(pinned=["somewhere:one"])


@pytest.mark.parametrize("probes", ["quick"], indirect=True)
def test_modules_of_ones_own_stand_beside_the_installed_plugins_in_this_process_alone(install, probes):
    class Mine:
        @fpframe.hookimpl
        def fpframe_components(self):
            return []

    install("one")
    registry = fpframe.load_registry(extra=[Mine()])
    assert [info.name for info in registry.plugins] == ["one", "Mine"]
    assert not registry.discovered, "worker processes would not find them"
