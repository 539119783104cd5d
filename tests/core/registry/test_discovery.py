"""Installed plugins: looked at from a child process, remembered, and imported when something of them is used."""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import fpframe
from fpframe import PluginError, UsageError
from fpframe.registry import probe, table
from fpframe.registry.offers import Description

#: A plugin with one filter, whose import and use can be watched.
SOUND = """
import attrs, fpframe
{first}

@attrs.frozen(kw_only=True)
class Quiet(fpframe.AnswerFilter):
    "Change nothing."
    name = "{name}"
    strength: float = 0.5

    def wrap(self, query, *, seed):
        return query

@fpframe.hookimpl
def fpframe_components():
    return [Quiet]
"""


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

    def plugin(name, source=SOUND, *, first=""):
        made.append(f"{name}_plugin")
        (site / f"{name}_plugin.py").write_text(source.replace("{name}", name).replace("{first}", first))
        entries.append(EntryPoint(name, f"{name}_plugin", "fpframe"))

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


def errors(registry):
    return {info.name: info.error for info in registry.plugins}


def test_each_broken_plugin_is_named_with_its_fault_and_breaks_no_other(install, monkeypatch, capfd):
    monkeypatch.setenv(probe.LIMIT, "1.5")
    install("a", "raise RuntimeError('broken\\nin two lines')")
    install("b", "raise SystemExit(3)")
    install("c", "import os; os._exit(0)")
    install("d", "import no_such_module_at_all")
    install("e", "def broken(:")
    install("f", "import time; time.sleep(600)")
    install("g", "print('loud', flush=True); import os; os.write(1, b'louder'); os.write(2, b'loudest')\n" + SOUND)
    install("h", "fpframe_api = 99\nfrom fpframe import NameOfTheFuture")
    install("i", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    install("j", "raise KeyboardInterrupt")
    install("k")
    registry = fpframe.load_registry()
    found = errors(registry)
    assert found.pop("g") is found.pop("k") is None
    assert all("\n" not in error for error in found.values())
    expected = {
        "a": "it fails at import: RuntimeError: broken",
        "b": "it fails at import: SystemExit: 3",
        "c": "it ends the process at import (exit code 0)",
        "d": "it fails at import: ModuleNotFoundError: No module named 'no_such_module_at_all'",
        "e": "it fails at import: SyntaxError: ",
        "f": "it hangs at import (more than 1.5 seconds, FPFRAME_PLUGIN_SECONDS)",
        "h": f"it needs plugin API 99, and this fpframe has {fpframe.PLUGIN_API}; upgrade fpframe",
        "i": "it ends the process at import (exit code -9)",
        "j": "it fails at import: KeyboardInterrupt",
    }
    assert {name: error[: len(expected[name])] for name, error in found.items()} == expected
    assert registry.names("filter") == ["g", "k"]
    assert registry.create("filter", "k").strength == 0.5
    assert not {f"{name}_plugin" for name in "abcdefghij"} & set(sys.modules), "strangers ran in this process"
    assert capfd.readouterr() == ("", "")
    with pytest.raises(PluginError, match=r"unknown filter 'a'.*plugins that do not load: 'a' \(it fails at import"):
        registry.get("filter", "a")


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


def test_what_was_learned_is_kept_until_a_file_of_the_plugin_changes(install, probes, tmp_path):
    install("one")
    assert [fpframe.load_registry().names("filter") for _ in range(2)] == [["one"], ["one"]]
    assert probes == [["one"]]
    file = tmp_path / "site/one_plugin.py"
    file.write_text(SOUND.format(name="renamed", first=""))
    assert fpframe.load_registry().names("filter") == ["renamed"]
    assert probes == [["one"], ["one"]]
    fpframe.load_registry(refresh=True)
    assert len(probes) == 3


def test_a_fault_is_forgotten_when_something_is_installed(install, probes, tmp_path):
    install("one", "import helper_of_one_plugin\n" + SOUND)
    for _ in range(2):
        assert "No module named 'helper_of_one_plugin'" in errors(fpframe.load_registry())["one"]
    assert len(probes) == 1
    time.sleep(0.01)  # folders have times in ticks of the file system
    (tmp_path / "site/helper_of_one_plugin.py").write_text("")
    assert errors(fpframe.load_registry()) == {"one": None}
    assert len(probes) == 2


@pytest.mark.parametrize("probes", ["quick"], indirect=True)
@pytest.mark.parametrize("damage", ["", "{", "[]", '{"key": 1}', '{"findings": []}'])
def test_a_damaged_table_is_made_anew(install, probes, tmp_path, damage):
    install("one")
    fpframe.load_registry()
    [kept] = (tmp_path / "cache").rglob("*.json")
    kept.write_text(damage)
    assert fpframe.load_registry().names("filter") == ["one"]
    assert len(probes) == 2
    [finding] = json.loads(kept.read_text())["findings"]
    assert finding["error"] is None


@pytest.mark.parametrize("probes", ["quick"], indirect=True)
@pytest.mark.skipif(os.name != "posix", reason="needs a file where a folder should be")
def test_without_a_cache_everything_works(install, probes, tmp_path):
    (tmp_path / "cache").write_text("a file, so that no folder can be made here")
    install("one")
    assert [fpframe.load_registry().names("filter") for _ in range(2)] == [["one"], ["one"]]
    assert len(probes) == 2


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


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan"])
def test_a_limit_of_time_that_is_none_is_refused(install, monkeypatch, text):
    install("one")
    monkeypatch.setenv(probe.LIMIT, text)
    with pytest.raises(UsageError, match=r"FPFRAME_PLUGIN_SECONDS must be a number of seconds above 0 \(got"):
        fpframe.load_registry()


def test_a_child_process_that_cannot_begin_is_an_error_with_its_exit_code(install, monkeypatch):
    install("one")
    monkeypatch.setattr(probe, "_START", "raise SystemExit(4)")
    with pytest.raises(fpframe.ResourceError, match="the child process ended with exit code 4 before it began"):
        fpframe.load_registry()


def test_listing_leaves_no_process_behind(install, monkeypatch, tmp_path):
    note = tmp_path / "pid"
    monkeypatch.setenv(probe.LIMIT, "1.5")
    sleeping = "[sys.executable, '-c', 'import time; time.sleep(600)']"
    install(
        "one",
        "import subprocess, sys, time, pathlib\n"
        f"child = subprocess.Popen({sleeping})\n"
        f"pathlib.Path({str(note)!r}).write_text(str(child.pid))\n"
        "child.wait()\n",
    )
    assert "hangs" in errors(fpframe.load_registry())["one"]
    pid = int(note.read_text())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and _runs(pid):
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


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
