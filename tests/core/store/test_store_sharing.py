"""Several processes at one store, writers that are killed at any moment, and a disk that is full.

The scenes at the end run in a process of their own, which imports torch once and forks its writers.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pytest
import torch

from fpframe.errors import ResourceError
from fpframe.store.store import Store

KILLS = 20
TENSORS = {"weight": torch.arange(20_000.0)}


def play(scene, folder, prefix=()):
    """Run a scene in a process of its own and return what it reports."""
    command = [*prefix, sys.executable, __file__, scene, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_two_processes_save_the_same_key_while_a_third_reads_it(tmp_path):
    told = play("same_key", tmp_path)
    assert told["exits"] == [0, 0]
    assert told["reads"] > 10
    assert told["unsound"] == 0, "whoever reads sees nothing or a whole entry"
    assert told["files"] == [f"{key(0)}.json", f"{key(0)}.safetensors"]


@pytest.mark.slow
def test_nothing_but_whole_entries_is_left_after_kills_and_clearing_up(tmp_path):
    told = play("kill", tmp_path)
    assert told["killed"] == KILLS
    assert told["entries"] >= KILLS
    assert told["unsound"] == 0, "verify, before anything was cleared up"
    assert told["left"] == []
    assert told["alone"] == [], "no sidecar without an entry, also before anything was cleared up"


@pytest.mark.slow
def test_a_kill_before_any_step_of_a_write_leaves_a_whole_entry_or_garbage(tmp_path):
    told = play("kill_at_each_step", tmp_path)
    half, entry, sidecar = "half", "entry", "sidecar"
    assert told["found"] == [
        *[[half]] * 2,  # before the fsync and the rename of the entry
        *[[entry]] * 2,  # before the fsync of its folder and of the folder's own
        *[[entry, half]] * 2,  # before the fsync and the rename of the sidecar
        [entry, sidecar],  # before the fsync of its folder
    ]
    assert told["cleared"] == [[name for name in left if name != half] for left in told["found"]]
    assert (told["unsound"], told["exit"]) == (0, 0)


@pytest.mark.slow
def test_clearing_up_while_others_write_loses_nothing(tmp_path):
    told = play("clear_up", tmp_path)
    assert told["exits"] == [0, 0]
    assert told["sweeps"] > 20
    assert told["lost"] == 0
    assert told["unsound"] == 0
    assert told["collected"] > 0, "folders went under their writers"


def test_a_full_disk_is_an_error_and_leaves_nothing_half(tmp_path):
    prefix = next((way for way in (["unshare", "-m"], ["unshare", "-rm"]) if may_mount(way, tmp_path)), None)
    if prefix is None:
        pytest.skip("no small disk can be mounted here: neither as root nor in a namespace of its own")
    told = play("full_disk", tmp_path, prefix)
    assert "cannot write: No space left on device" in told["error"]
    assert told["error_code"] == 6
    assert told["saved"] > 3
    assert not told["lost"], "what was saved before is still there"
    assert set(told["new"]) <= {f"{key(told['saved'])}.safetensors"}, "a whole entry at most, and no temporary file"
    assert told["unsound"] == 0
    assert told["goes_on"], "there is room again after one entry was removed"


def may_mount(prefix, folder):
    try:
        mount = [*prefix, "mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
        return subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


# --- scenes


def key(number):
    # the first two characters name the folder: many folders, so that new ones are made all the time
    return f"{number % 251:02x}{number:062x}"


def save(store, number):
    store.save(key(number), TENSORS, {"number": number}, sidecar={"seconds": 0.5})


def fork(work, *args):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work(*args)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


def running(pids, exits):
    """Tell whether any process runs, and note how each one ended."""
    for pid in [pid for pid in pids if pid not in exits]:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            exits[pid] = os.waitstatus_to_exitcode(status)
    return len(exits) < len(pids)


def names(folder, pattern="*"):
    return sorted(path.name for path in folder.rglob(pattern) if path.is_file())


def unsound(store):
    return sum(not entry.sound for entry in store.verify())


def same_key(store):
    def work():
        for _ in range(100):
            save(store, 0)

    pids, exits, reads, bad = [fork(work), fork(work)], {}, 0, 0
    while running(pids, exits):
        if store.has(key(0)):
            entry = store.load(key(0))
            bad += entry is None or not torch.equal(entry.tensors["weight"], TENSORS["weight"])
            reads += 1
    return {"exits": list(exits.values()), "reads": reads, "unsound": bad, "files": names(store.root)}


def kill(store):
    scene = os.getpid()

    def work(first):
        for number in range(first, first + 100_000):
            if os.getppid() != scene:
                break  # the scene was stopped, and nobody would end this writer
            save(store, number)

    killed, chance = 0, random.Random(0)
    for turn in range(KILLS):
        first = turn * 100_000
        pid = fork(work, first)
        exits = {}
        while not store.has(key(first)) and running([pid], exits):
            time.sleep(0.001)
        if exits:
            raise RuntimeError("a writer ended by itself")
        time.sleep(chance.uniform(0, 0.03))
        os.kill(pid, signal.SIGKILL)
        killed += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    bad = unsound(store)
    alone = [path.name for path in store.root.rglob("*.json") if not path.with_suffix(".safetensors").exists()]
    store.collect_garbage()
    return {
        "killed": killed,
        "unsound": bad + unsound(store),
        "entries": len(store.verify()),
        "left": names(store.root, ".tmp-*"),
        "alone": alone,
    }


def kill_at_each_step(store):
    def work(steps):
        def counted(call):
            def step(*args, **options):
                nonlocal steps
                if steps == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                steps -= 1
                return call(*args, **options)

            return step

        os.fsync, Path.replace = counted(os.fsync), counted(Path.replace)
        save(store, 0)

    def kinds():
        called = {".safetensors": "entry", ".json": "sidecar"}
        return sorted(called.get(Path(name).suffix, "half") for name in names(store.root))

    found, cleared, bad = [], [], 0
    while True:
        shutil.rmtree(store.models, ignore_errors=True)
        store.models.mkdir()
        code = os.waitstatus_to_exitcode(os.waitpid(fork(work, len(found)), 0)[1])
        if code != -signal.SIGKILL:
            return {"found": found, "cleared": cleared, "unsound": bad, "exit": code}
        found.append(kinds())
        store.collect_garbage()
        cleared.append(kinds())
        bad += unsound(store)


def clear_up(store):
    def work(first):
        for number in range(first, first + 100):
            save(store, number)
            entry = store.path(key(number))
            if number % 2:
                entry.with_suffix(".json").unlink()
                entry.rename(store.root / entry.name)  # out of the way, so that its folder is empty again

    pids, exits, sweeps, collected = [fork(work, 0), fork(work, 100)], {}, 0, 0
    while running(pids, exits):
        collected += len(store.collect_garbage())
        sweeps += 1
    lost = sum(not (store.has(key(n)) or (store.root / store.path(key(n)).name).exists()) for n in range(200))
    return {
        "exits": list(exits.values()),
        "sweeps": sweeps,
        "collected": collected,
        "lost": lost,
        "unsound": unsound(store),
    }


def full_disk(store):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(store.root)], check=True)
    saved, before = 0, []
    try:
        while saved < 1000:
            before = names(store.root)
            save(store, saved)
            saved += 1
    except ResourceError as error:
        text, code = str(error), error.exit_code
    after, bad = names(store.root), unsound(store)
    store.path(key(0)).unlink()
    save(store, saved)
    return {
        "error": text,
        "error_code": code,
        "saved": saved,
        "lost": sorted(set(before) - set(after)),
        "new": sorted(set(after) - set(before)),
        "unsound": bad,
        "goes_on": store.load(key(saved)) is not None,
    }


if __name__ == "__main__":
    SCENES = {scene.__name__: scene for scene in (same_key, kill, kill_at_each_step, clear_up, full_disk)}
    print(json.dumps(SCENES[sys.argv[1]](Store(Path(sys.argv[2])))))
