"""Clearing up: garbage goes, and nothing that somebody writes or needs."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from fpframe import ResourceError
from fpframe.store import temporary
from fpframe.store.store import Store
from fpframe.store.temporary import GIVEN_UP_SECONDS, is_abandoned, machine, temporary_name

KEY, ALONE = "ab" + "0" * 62, "cd" + "0" * 62


@pytest.fixture
def store(tmp_path):
    """A store with one whole entry."""
    store = Store(tmp_path)
    store.save(KEY, {"weight": torch.zeros(2)}, {}, sidecar={"seconds": 1.5})
    return store


@pytest.fixture
def dead():
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def leave(store, name, content=b"half"):
    path = store.path(KEY).with_name(name)
    path.write_bytes(content)
    return path


def name_of(pid, *, started=1, host=None):
    return f".tmp-{pid}-{started}-0123456789abcdef-{host or machine()}"


def age(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then))


def collected(store, **options):
    return {(garbage.path, garbage.kind, garbage.bytes) for garbage in store.collect_garbage(**options)}


# --- temporary files


def test_the_temporary_file_of_a_writer_that_has_ended_is_removed(store, dead):
    left = leave(store, name_of(dead))
    assert collected(store) == {(left, "temporary", 4)}
    assert not left.exists()


def test_the_temporary_file_of_a_living_writer_stays_however_old_it_is(store):
    mine = leave(store, temporary_name())
    age(mine, 100 * GIVEN_UP_SECONDS)
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        theirs = leave(store, name_of(other.pid, started=temporary._started(other.pid) or 0))
        assert collected(store) == set()
    finally:
        other.communicate(b"\n")
    assert collected(store) == {(theirs, "temporary", 4)}
    assert mine.exists()


def test_a_process_that_was_killed_and_not_waited_for_has_ended(store):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    left = leave(store, name_of(child.pid, started=temporary._started(child.pid) or 0))
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended and is a zombie until it is waited for
    assert collected(store) == {(left, "temporary", 4)}
    child.communicate()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="start times are read from /proc")
def test_a_process_that_has_inherited_the_id_of_a_dead_writer_does_not_keep_its_file(store):
    started = temporary._started(os.getpid())
    left = leave(store, name_of(os.getpid(), started=started - 1))
    kept = leave(store, name_of(os.getpid(), started=started))
    assert collected(store) == {(left, "temporary", 4)}
    assert kept.exists()


@pytest.mark.parametrize(
    "name", [name_of(2**22 + 1, host="elsewhere-01234567"), ".tmp-x7y8z9", ".tmp-9999999999-1-ab-x"]
)
def test_a_file_whose_writer_cannot_be_asked_after_is_given_up_after_a_day(store, name):
    left = leave(store, name)
    age(left, GIVEN_UP_SECONDS - 60)
    assert collected(store) == set()
    age(left, GIVEN_UP_SECONDS + 60)
    assert collected(store) == {(left, "temporary", 4)}


def test_a_writer_that_may_not_be_signalled_lives(store, monkeypatch):
    def refuse(pid, signal):
        raise PermissionError

    left = leave(store, name_of(os.getpid(), started=temporary._started(os.getpid()) or 0))
    monkeypatch.setattr(os, "kill", refuse)
    assert not is_abandoned(left)


def test_names_are_told_apart_and_hold_process_and_machine():
    first, second = temporary_name(), temporary_name()
    assert first != second
    assert first.startswith(f".tmp-{os.getpid()}-")
    assert first.endswith(f"-{machine()}")


# --- the rest


def test_what_was_set_aside_and_sidecars_without_an_entry_are_removed(store):
    damaged = leave(store, f"{KEY}.damaged", b"12345")
    alone = leave(store, f"{ALONE}.json", b"{}")
    assert collected(store) == {(damaged, "damaged", 5), (alone, "sidecar", 2)}
    assert store.sidecar(KEY) == {"seconds": 1.5}
    assert [entry.sound for entry in store.verify()] == [True]


def test_folders_that_are_or_become_empty_are_removed(store, dead):
    (store.models / "ef").mkdir()
    (store.models / "cd").mkdir()
    left = store.models / "cd" / name_of(dead)
    left.touch()
    assert collected(store) == {
        (left, "temporary", 0),
        (store.models / "cd", "folder", 0),
        (store.models / "ef", "folder", 0),
    }
    assert [path.name for path in store.models.iterdir()] == ["ab"]


def test_a_dry_run_names_the_same_and_removes_nothing(store, dead):
    leave(store, name_of(dead))
    leave(store, f"{KEY}.damaged")
    (store.models / "ef").mkdir()
    before = sorted(store.root.rglob("*"))
    announced = store.collect_garbage(dry_run=True)
    assert sorted(store.root.rglob("*")) == before
    assert store.collect_garbage() == announced
    assert len(announced) == 3
    assert store.collect_garbage() == []


def test_files_that_are_not_the_stores_stay(store):
    kept = [leave(store, "notes.json"), leave(store, "README"), store.root / ".tmp-x", store.root / f"{KEY}.damaged"]
    for path in kept[2:]:
        path.touch()
        age(path, 2 * GIVEN_UP_SECONDS)
    outside = store.root / "outside"
    outside.mkdir()
    (store.models / "linked").symlink_to(outside)
    (outside / f"{KEY}.damaged").touch()
    assert collected(store) == set()
    assert all(path.exists() for path in [*kept, outside / f"{KEY}.damaged"])


def test_there_is_nothing_to_remove_in_a_store_that_was_never_used(tmp_path):
    assert Store(tmp_path / "none").collect_garbage() == []
    assert not (tmp_path / "none").exists()


def test_what_another_process_removes_first_is_not_counted(store, monkeypatch):
    damaged = leave(store, f"{KEY}.damaged")

    def removed_already(path):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "unlink", removed_already)
    assert collected(store) == set()
    assert damaged.exists()


def test_a_folder_in_which_something_was_written_meanwhile_stays(store, monkeypatch):
    (store.models / "ef").mkdir()
    remove = Path.rmdir

    def write_first(folder):
        (folder / "entry").touch()
        remove(folder)

    monkeypatch.setattr(Path, "rmdir", write_first)
    assert collected(store) == set()
    assert (store.models / "ef" / "entry").exists()


def test_what_cannot_be_removed_is_an_error_that_names_it(store, monkeypatch):
    damaged = leave(store, f"{KEY}.damaged")

    def fail(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", fail)
    with pytest.raises(ResourceError, match=rf"cannot clear up: Permission denied \({damaged}\); check who owns"):
        store.collect_garbage()
