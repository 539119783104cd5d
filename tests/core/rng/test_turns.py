"""Turns: first come, first served, and nobody is left waiting."""

import threading
import time

import pytest

from fpframe.rng.turns import Turns


def start(turns, order, name):
    """Start a thread that wants a turn, and return it when it waits."""

    def work():
        turns.take()
        order.append(name)
        turns.give()

    waiting = len(turns._queue)
    thread = threading.Thread(target=work)
    thread.start()
    while len(turns._queue) == waiting:
        time.sleep(0.001)
    return thread


def test_threads_have_their_turns_in_the_order_in_which_they_asked():
    turns, order = Turns(), []
    turns.take()
    assert not turns.wanted
    waiting = [start(turns, order, name) for name in "abc"]
    assert turns.wanted
    turns.give()
    turns.take()  # behind all of them, though it asks at once
    order.append("me")
    turns.give()
    for thread in waiting:
        thread.join()
    assert order == ["a", "b", "c", "me"]


def test_a_thread_that_is_interrupted_while_it_waits_holds_up_nobody(monkeypatch):
    turns, order = Turns(), []
    turns.take()
    wait_for = turns._changed.wait_for

    def interrupted(predicate):
        raise KeyboardInterrupt

    def give_up():
        with pytest.raises(KeyboardInterrupt):
            turns.take()

    monkeypatch.setattr(turns._changed, "wait_for", interrupted)
    thread = threading.Thread(target=give_up)
    thread.start()
    thread.join()
    monkeypatch.setattr(turns._changed, "wait_for", wait_for)
    assert not turns.wanted
    follower = start(turns, order, "next")
    turns.give()
    follower.join()
    assert order == ["next"]
