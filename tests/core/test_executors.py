"""Worker processes: what goes wrong in one is said in words, and none is left behind."""

from __future__ import annotations

import multiprocessing
import os

import pytest

from fpframe.errors import ResourceError
from fpframe.executors import run_inline, run_processes


def square(state, item):
    return item * item + len(state)


def die(state, item):
    os._exit(9)


def fail(state, item):
    raise ValueError(f"no luck with {item}")


def as_text(payload: bytes) -> str:
    return payload.decode()


def refuse(payload: bytes):
    raise AttributeError("no such class here")


def in_processes(work, setup=as_text):
    done = {}
    run_processes(
        work,
        [[1, 2], [3]],
        setup=setup,
        payload=b"abc",
        workers=2,
        on_done=lambda item, result: done.update({item: result}),
    )
    return done


def test_processes_give_what_inline_gives():
    done = {}
    run_inline(square, [1, 2, 3], state="abc", on_done=lambda item, result: done.update({item: result}))
    assert in_processes(square) == done == {1: 4, 2: 7, 3: 12}


def test_a_worker_that_dies_is_named_as_such():
    with pytest.raises(ResourceError, match="a worker process died"):
        in_processes(die)


def test_an_error_in_a_worker_comes_back_as_it_is_and_stops_the_others():
    before = set(multiprocessing.active_children())
    with pytest.raises(ValueError, match="no luck with"):
        in_processes(fail)
    assert set(multiprocessing.active_children()) <= before


def test_a_worker_that_cannot_be_set_up_says_why():
    with pytest.raises(ResourceError, match="cannot rebuild the victim or its data: no such class here"):
        in_processes(square, setup=refuse)


def test_the_callers_environment_is_left_as_found(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    in_processes(square)
    assert os.environ["OMP_NUM_THREADS"] == "2"
    assert "MKL_NUM_THREADS" not in os.environ
