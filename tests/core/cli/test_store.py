"""``fpframe store``: counts on stdout, exit code 5 for damage, nothing removed by a dry run."""

import json
import subprocess
import sys

import pytest
import torch

from fpframe.cli import run
from fpframe.store.store import Store

KEYS = ["ab" + "0" * 62, "ab" + "1" * 62, "cd" + "0" * 62]


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The user's store, with three entries."""
    monkeypatch.setenv("FPFRAME_HOME", str(tmp_path / "home"))
    store = Store.default()
    for key in KEYS:
        store.save(key, {"weight": torch.zeros(3)}, {}, sidecar={})
    return store


@pytest.fixture
def garbage(store):
    """A temporary file of a writer that has ended, and an entry that was set aside."""
    path = store.path(KEYS[0])
    code = "import sys; from fpframe.store.temporary import temporary_name; print(temporary_name())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    left = [path.with_name(ended), path.with_suffix(".damaged")]
    for each in left:
        each.write_bytes(b"12345")
    return left


def damage(path):
    path.write_bytes(path.read_bytes()[:-1])


def test_path_prints_the_folder_and_makes_none(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FPFRAME_HOME", str(tmp_path / "home"))
    assert run(["store", "path"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'home'}\n"
    assert not (tmp_path / "home").exists()


def test_verify_counts_what_is_sound(store, capsys):
    size = sum(store.path(key).stat().st_size for key in KEYS)
    assert run(["store", "verify"]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"3 entries, {size} bytes, 0 damaged in {store.root}\n"
    assert printed.err == ""


def test_verify_names_damaged_entries_and_exits_with_5(store, capsys):
    damage(store.path(KEYS[1]))
    aside = store.path(KEYS[1]).with_suffix(".damaged")
    assert run(["store", "verify"]) == 5
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0].startswith("3 entries, ")
    assert printed.out.splitlines()[0].endswith(f"1 damaged in {store.root}")
    assert printed.out.splitlines()[1:] == [f"damaged: {aside}"]
    assert printed.err.startswith(f"fpframe: error: 1 of 3 entries are damaged ({store.root}); they were set aside")
    assert aside.exists()
    assert run(["store", "verify"]) == 0, "what was set aside is an entry no more"


def test_verify_as_json_is_one_object_also_when_something_is_damaged(store, capsys):
    damage(store.path(KEYS[1]))
    size = sum(store.path(key).stat().st_size for key in KEYS)
    assert run(["store", "verify", "--json"]) == 5
    told = json.loads(capsys.readouterr().out)
    aside = store.path(KEYS[1]).with_suffix(".damaged")
    damaged = {"key": KEYS[1], "path": str(aside), "bytes": aside.stat().st_size}
    assert told == {"store": str(store.root), "entries": 3, "bytes": size, "damaged": [damaged]}


def test_gc_removes_garbage_and_says_how_much(store, garbage, capsys):
    assert run(["store", "gc", "--dry-run"]) == 0
    counts = f"2 (temporary files: 1, damaged entries: 1), 10 bytes in {store.root}\n"
    assert capsys.readouterr().out == f"would remove {counts}"
    assert all(path.exists() for path in garbage)
    assert run(["store", "gc"]) == 0
    assert capsys.readouterr().out == f"removed {counts}"
    assert not any(path.exists() for path in garbage)
    assert run(["store", "gc"]) == 0
    assert capsys.readouterr().out == f"removed 0, 0 bytes in {store.root}\n"
    assert [entry.sound for entry in store.verify()] == [True] * 3


def test_gc_as_json_lists_what_goes(store, garbage, capsys):
    listed = [
        {"path": str(path), "kind": kind, "bytes": 5}
        for path, kind in sorted(zip(garbage, ["temporary", "damaged"], strict=True))
    ]
    for arguments, removed in [(["--dry-run"], False), ([], True)]:
        assert run(["store", "gc", "--json", *arguments]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told == {"store": str(store.root), "removed": removed, "count": 2, "bytes": 10, "garbage": listed}


def test_large_sizes_are_in_megabytes(store, capsys):
    store.save("ef" + "0" * 62, {"weight": torch.zeros(1_000_000)}, {}, sidecar={})
    assert run(["store", "verify"]) == 0
    assert capsys.readouterr().out.startswith("4 entries, 4.0 MB, 0 damaged")
