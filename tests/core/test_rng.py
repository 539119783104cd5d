"""Seeds: the same path gives the same numbers, and the caller's generators and threads are left as found."""

import random

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from fpframe.rng import derive_seed, generator, isolated, threads


def draws():
    """Draw from every global generator."""
    return random.random(), float(np.random.random()), float(torch.rand(()))  # noqa: NPY002


def test_a_derived_seed_is_the_same_in_every_version():
    # stored models are found again by it
    assert derive_seed(0) == 3456079177858693020
    assert derive_seed(0, "victim") == 1782494004395552417
    assert derive_seed(3, "fit", "same-data", 2) == 7890207985335803371


def test_derived_seeds_fit_every_generator_and_no_two_paths_share_one():
    seeds = [derive_seed(seed, name, index) for seed in range(5) for name in "ab" for index in range(100)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)


@pytest.mark.parametrize(
    ("one", "other"), [(("a/b",), ("a", "b")), (("a%2Fb",), ("a/b",)), (("ab", "c"), ("a", "bc")), (("", "a"), ("a",))]
)
def test_paths_that_look_alike_when_joined_have_seeds_of_their_own(one, other):
    assert derive_seed(0, *one) != derive_seed(0, *other)


def test_a_generator_depends_on_its_path_alone():
    first = torch.rand(5, generator=generator(1, "a"))
    torch.rand(3)
    assert torch.equal(first, torch.rand(5, generator=generator(1, "a")))
    assert not torch.equal(first, torch.rand(5, generator=generator(1, "b")))
    assert not torch.equal(first, torch.rand(5, generator=generator(2, "a")))


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


def test_a_block_of_one_thread_leaves_the_number_as_found_even_when_it_fails():
    before = torch.get_num_threads()
    other = 3 if before != 3 else 2

    def fail():
        with threads(1):
            assert torch.get_num_threads() == 1
            assert {pool["num_threads"] for pool in threadpool_info()} == {1}
            raise ZeroDivisionError

    try:
        torch.set_num_threads(other)
        with pytest.raises(ZeroDivisionError):
            fail()
        assert torch.get_num_threads() == other
    finally:
        torch.set_num_threads(before)
