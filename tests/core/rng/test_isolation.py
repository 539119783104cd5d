"""Seeded blocks: the same numbers in any thread, and generators left as found."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from fpframe.rng import give_way, isolated
from fpframe.rng.isolation import _turns


def draws():
    """Draw from every global generator."""
    return random.random(), float(np.random.random()), float(torch.rand(()))  # noqa: NPY002


def until_wanted():
    """Wait until another thread waits for its turn."""
    while not _turns.wanted:
        time.sleep(0.001)


def sequence(seed, *, polite=False):
    """Draw again and again in a block, so that other threads come in between if they can."""
    drawn = []
    with isolated(seed):
        for _ in range(50):
            drawn.append(draws())
            if polite:
                give_way()
    return drawn


def test_a_seeded_block_gives_the_same_numbers_from_every_global_generator():
    with isolated(2**63 - 1):
        first = draws()
    with isolated(2**63 - 1):
        assert draws() == first
    with isolated(5):
        assert all(a != b for a, b in zip(draws(), first, strict=True))


def test_a_seeded_block_leaves_the_global_generators_as_found_even_when_it_fails():
    with isolated(1):
        expected = (draws(), draws())

    def fail():
        with isolated(7):
            draws()
            raise ZeroDivisionError

    with isolated(1):
        first = draws()
        with pytest.raises(ZeroDivisionError):
            fail()
        assert (first, draws()) == expected


@pytest.mark.parametrize("polite", [False, True])
def test_threads_in_seeded_blocks_draw_what_each_draws_alone(polite):
    alone = [sequence(seed) for seed in range(8)]
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda seed: sequence(seed, polite=polite), range(8)))
    assert together == alone
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before[1:]  # noqa: NPY002


def test_giving_way_lets_a_waiting_thread_in_before_the_block_ends():
    done = threading.Event()

    def other():
        with isolated(2):
            draws()
            done.set()

    with isolated(1):
        expected = [draws() for _ in range(2)]
    thread = threading.Thread(target=other)
    with isolated(0), isolated(1):  # also out of blocks in blocks
        first = draws()
        thread.start()
        until_wanted()
        assert not done.is_set()
        give_way()
        assert done.is_set()
        assert [first, draws()] == expected
    thread.join()


def test_giving_way_outside_a_seeded_block_does_nothing():
    before = torch.get_rng_state()
    give_way()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_thread_that_is_interrupted_while_it_gives_way_leaves_the_generators_to_the_others(monkeypatch):
    entered, leave = threading.Event(), threading.Event()
    alone = sequence(2)
    drawn = []

    def other():
        with isolated(2):
            entered.set()
            leave.wait(60)
            drawn.extend(draws() for _ in range(50))

    thread = threading.Thread(target=other)

    def interrupted():
        entered.wait(60)
        raise KeyboardInterrupt

    before = torch.get_rng_state()
    with pytest.raises(KeyboardInterrupt), isolated(0), isolated(1):  # noqa: PT012
        thread.start()
        until_wanted()
        monkeypatch.setattr(_turns, "take", interrupted)
        give_way()
    monkeypatch.undo()
    leave.set()
    thread.join()
    assert drawn == alone
    assert torch.equal(torch.get_rng_state(), before)
    assert sequence(2) == alone  # and the next one gets its turn
