"""Plugins are looked at from a child process, which finds their faults and ends."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

import fpframe
from core.registry.quiet_plugin import SOUND, errors
from fpframe import PluginError, UsageError
from fpframe.registry import probe


@pytest.mark.slow
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


@pytest.mark.slow
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
