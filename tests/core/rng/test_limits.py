"""Numbers of threads: left as found, and shared by the threads of a process."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import torch
from threadpoolctl import threadpool_info

import fpframe
from fpframe.rng import threads


def numbers():
    """Return every number of threads that computations of this thread may use."""
    return {torch.get_num_threads(), *(pool["num_threads"] for pool in threadpool_info())}


@contextmanager
def found(count):
    """Have `count` threads for a test."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def test_a_block_of_one_thread_leaves_the_number_as_found_even_when_it_fails():
    before = torch.get_num_threads()

    def fail():
        with threads(1):
            assert numbers() == {1}
            raise ZeroDivisionError

    with found(3):
        with pytest.raises(ZeroDivisionError):
            fail()
        assert torch.get_num_threads() == 3
    assert torch.get_num_threads() == before


def test_blocks_in_blocks_may_have_other_numbers():
    with found(3):
        with threads(1):
            with threads(2):
                assert numbers() == {2}
            assert numbers() == {1}
        assert torch.get_num_threads() == 3


def test_a_thread_that_leaves_first_changes_nothing_for_those_that_still_compute():
    entered, left, after = threading.Barrier(2), threading.Event(), []

    def first():
        with threads(1):
            entered.wait(60)
        after.append(torch.get_num_threads())
        left.set()

    with found(3):
        thread = threading.Thread(target=first)
        thread.start()
        with threads(1):
            entered.wait(60)
            left.wait(60)
            assert numbers() == {1}
        thread.join()
        assert torch.get_num_threads() == 3
        with ThreadPoolExecutor(1) as pool:  # what a new thread begins with
            assert pool.submit(torch.get_num_threads).result() == 3
    assert after == [3]


def test_another_number_is_refused_while_another_thread_computes():
    def other():
        with threads(2):
            raise AssertionError

    with threads(1), ThreadPoolExecutor(1) as pool:
        with pytest.raises(fpframe.UsageError, match=r"computes with 1 thread\(s\), so that this one cannot .* with 2"):
            pool.submit(other).result()
        assert numbers() == {1}
    with threads(2):  # and is allowed when nobody does
        assert numbers() == {2}
