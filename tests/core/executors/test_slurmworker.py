"""Workers that take tasks from files: what they do of their own accord, without any library that submits jobs."""

from __future__ import annotations

import pickle
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from fpframe.errors import ResourceError, UsageError
from fpframe.executors import open_executor, slurmworker
from fpframe.executors.mailbox import END, LEFT, READY, REFUSED, Mailbox
from fpframe.executors.slurmworker import FUNCTIONS, PULSE, STATE, serve


def square(state, item):
    if item < 0:
        raise ValueError(f"no luck with {item}")
    return item * item + len(state)


def as_text(payload: bytes) -> str:
    return payload.decode()


@pytest.fixture
def run(tmp_path, monkeypatch) -> Path:
    """The folder of a run with one mailbox; what a worker changes in its process is restored."""
    monkeypatch.setattr(slurmworker, "POLL", 0.01)
    for name in slurmworker.ONE_THREAD:
        monkeypatch.setenv(name, "1")
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)}
    (tmp_path / FUNCTIONS).write_bytes(pickle.dumps((square, as_text)))
    (tmp_path / STATE).write_bytes(b"abc")
    (tmp_path / PULSE).touch()
    (tmp_path / "0").mkdir()
    yield tmp_path
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def mailbox(run) -> Mailbox:
    return Mailbox(run / "0")


def test_tasks_are_done_in_turn_until_the_worker_is_told_to_end(run, mailbox):
    def ask():
        for number, item in enumerate((2, -1, 3)):
            mailbox.put_task(number, item)
            while mailbox.outcome(number) is None:
                time.sleep(0.01)
        mailbox.put(END)

    asking = threading.Thread(target=ask)
    asking.start()
    serve(str(run), 0, str(run), seconds=60)
    asking.join()
    assert mailbox.has(READY)
    assert not mailbox.has(LEFT)
    assert (mailbox.outcome(0), mailbox.outcome(2)) == (("result", 7), ("result", 12))
    field, error = mailbox.outcome(1)
    assert (field, str(error)) == ("error", "no luck with -1")
    assert mailbox.has_begun(2)
    assert signal.getsignal(signal.SIGUSR2) == signal.SIG_DFL


def test_no_task_is_begun_when_half_of_the_time_is_over(run, mailbox):
    serve(str(run), 0, str(run), seconds=-1)
    assert mailbox.has(LEFT)
    mailbox.put_task(0, 2)
    assert not mailbox.has_begun(0)


def test_a_worker_leaves_when_its_run_has_been_silent_for_long(run, mailbox, monkeypatch):
    monkeypatch.setattr(slurmworker, "LONELY", 0.3)
    started = time.monotonic()
    threading.Timer(0.2, (run / PULSE).touch).start()
    serve(str(run), 0, str(run), seconds=60)
    assert mailbox.has(LEFT)
    assert time.monotonic() - started >= 0.5, "a sign of life is heard"


def test_a_worker_ends_when_the_folder_of_its_run_is_gone(run, mailbox):
    def remove():
        while not mailbox.has(READY):
            time.sleep(0.01)
        (run / "0").rename(run / "elsewhere")

    removing = threading.Thread(target=remove)
    removing.start()
    serve(str(run), 0, str(run), seconds=60)
    removing.join()
    assert not Mailbox(run / "elsewhere").has(LEFT)


def test_a_state_that_cannot_be_made_is_told(run, mailbox):
    (run / STATE).write_bytes(b"\xff")
    serve(str(run), 0, str(run), seconds=60)
    assert not mailbox.has(READY)
    error = mailbox.get(REFUSED)
    assert isinstance(error, ResourceError)
    assert "cannot rebuild the victim or its data" in str(error)


def test_a_message_is_seen_whole_or_not_at_all(mailbox):
    assert not mailbox.has("news")
    mailbox.put("news", [1, 2])
    assert mailbox.get("news") == [1, 2]
    assert [path.name for path in mailbox.folder.iterdir()] == ["news"], "nothing unfinished is left"


def test_slurm_without_submitit_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(UsageError, match=r'pip install "fpframe\[slurm\]"'):
        open_executor("slurm", workers=1)
    with pytest.raises(UsageError, match="whole CPUs and GPUs"):
        open_executor("slurm", workers=1, gpus=0.5)
