"""The processes of suspects end with whoever asks, and do not run the program that asks once more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import torch

from fpframe.errors import ResourceError
from fpframe.isolation import Limits, OpeningRequest, OwnProcess
from fpframe.isolation.child import unconfined
from frozen import ENROLMENT

REQUEST = OpeningRequest(num_classes=10, image_shape=(1, 8, 8))
#: It goes on as long as the process of the suspect does.
BEATING = """
import threading
import time
from pathlib import Path


def ask(pixels):
    print("asked", flush=True)
    time.sleep(600)


def fine(pixels):
    return pixels.flatten(1)[:, 20:30].softmax(1)
"""


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lasting_suspects.py").write_text(BEATING)
    return tmp_path


def descendants(root: int) -> set[int]:
    """Return the processes that descend from one."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text(errors="replace").rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, new = set(), {root}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new}
        found |= new
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def await_end(pids: set[int]) -> None:
    """Wait for processes to end, for they may do so a little later than whoever started them."""
    until = time.monotonic() + 30
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [pid for pid in pids if alive(pid)]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_all_processes_end_with_the_command_however_it_ends(here, number, code):
    arguments = ["verify", str(ENROLMENT), "python:lasting_suspects:ask"]
    with subprocess.Popen([sys.executable, "-m", "fpframe", *arguments], stderr=subprocess.PIPE, text=True) as command:
        assert command.stderr is not None
        while "asked" not in command.stderr.readline():
            assert command.poll() is None
        below = descendants(command.pid)
        assert len(below) >= 4, "the template, and three processes of the suspect"
        command.send_signal(number)
        assert command.wait(60) == code
    await_end(below)


@pytest.mark.slow
def test_a_script_without_a_guard_is_run_once_and_its_threads_do_no_harm(here):
    script = here / "script.py"
    script.write_text(f"""
import threading
import time

import fpframe

print("once")
threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
print(fpframe.verify({str(ENROLMENT)!r}, "python:lasting_suspects:fine").verdict)
""")
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    once, verdict = ended.stdout.split()
    assert (once, verdict in {"DERIVED", "NOT_SHOWN", "INCONCLUSIVE"}) == ("once", True)


@pytest.mark.slow
def test_several_suspects_are_asked_at_the_same_time_and_leave_nothing_behind(here, registry, monkeypatch):
    temporary = here / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    images = torch.rand(7, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with OwnProcess(registry) as way:
        queries = [way.open("python:lasting_suspects:fine", REQUEST) for _ in range(3)]
        assert len({query(images).sum().item() for query in queries}) == 1
        assert len(list(temporary.glob("*/*"))) == 3
        way.close()
        assert not list(temporary.iterdir())
        assert way.open("python:lasting_suspects:fine", REQUEST)(images).shape == (7, 10)
    assert not list(temporary.iterdir())


def test_what_suspects_are_forked_from_may_die(here, registry):
    with OwnProcess(registry) as way:
        query = way.open("python:lasting_suspects:fine", REQUEST)
        assert way._template is not None
        template = way._template._process.pid
        below = descendants(template)
        os.kill(template, signal.SIGKILL)
        await_end(below)
        with pytest.raises(ResourceError, match="the suspect"):
            query(torch.rand(7, 1, 8, 8))
        with pytest.raises(ResourceError, match="the process for suspects does not work"):
            way.open("python:lasting_suspects:fine", REQUEST)


def test_where_no_process_can_be_started_that_is_one_line(here, registry, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with OwnProcess(registry) as way:
        with pytest.raises(ResourceError, match="no process for suspects can be started"):
            way.open("python:lasting_suspects:fine", REQUEST)
        monkeypatch.setattr(sys, "executable", "/bin/false")
        with pytest.raises(ResourceError, match="the process for suspects does not work"):
            way.open("python:lasting_suspects:fine", REQUEST)


@pytest.mark.parametrize(("system", "frozen"), [("darwin", False), ("win32", False), ("linux", True)])
def test_where_suspects_cannot_have_a_process_of_their_own_a_note_says_so(here, registry, monkeypatch, system, frozen):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(sys, "frozen", frozen, raising=False)
    with OwnProcess(registry, Limits.usual()) as way:
        way.prepare()
        [note] = way.open("python:lasting_suspects:fine", REQUEST).notes
    assert note.code == "suspect-not-isolated"


def test_a_function_of_the_program_itself_is_opened_there(registry, monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "main_suspect", lambda pixels: pixels.flatten(1), raising=False)
    with OwnProcess(registry) as way:
        [note] = way.open("python:__main__:main_suspect", REQUEST).notes
    assert "is not run again elsewhere" in note.text


#: Confines a new process, on a system that lacks something.
CONFINING = """
import sys
from fpframe.isolation import confinement, namespaces
for name in sys.argv[2:]:
    setattr(confinement, name, lambda *given, **more: False)
bounds = confinement.Bounds(memory_bytes=1 << 30, network=False, device="cpu", folder=sys.argv[1])
print(confinement.confine(bounds, namespaces.World(own=False, folder_ends=False)))
"""


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ((), ["other processes of yours", "filling the disk"]),
        (("forbid_writing",), ["writing files", "other processes of yours", "filling the disk"]),
        (
            ("forbid_writing", "refuse_calls"),
            ["the network", "writing files", "other processes of yours", "filling the disk"],
        ),
    ],
)
def test_what_the_system_cannot_keep_a_suspect_from_is_told(tmp_path, missing, told):
    ended = subprocess.run(
        [sys.executable, "-c", CONFINING, tmp_path, *missing], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == str(told)
    [note] = unconfined(told)
    assert note.code == "suspect-not-confined"
    assert note.text.endswith(f"keep it from {', '.join(told)}.")
