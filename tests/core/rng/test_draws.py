"""Choices that a seed makes."""

from collections import Counter

import pytest

from fpframe.rng import Draws


def test_one_seed_and_name_give_one_choice_and_others_give_others():
    def chosen(seed, name):
        return Draws(seed).whole(name, 0, 10**9)

    assert chosen(1, "a") == chosen(1, "a")
    assert len({chosen(seed, name) for seed in (1, 2) for name in ("a", "b")}) == 4
    assert Draws(1, "path").whole("a", 0, 10**9) != chosen(1, "a")


def test_choices_are_the_same_in_every_release():
    draws = Draws(7, "kept")
    assert (draws.whole("n", 0, 999), draws.one_of("o", "abc"), draws.number("x", 0, 1)) == (838, "b", 0.55)


def test_every_option_is_as_likely_as_it_is_often_listed():
    counts = Counter(Draws(seed).one_of("o", ("a", "a", "b")) for seed in range(3000))
    assert counts["a"] / 3000 == pytest.approx(2 / 3, abs=0.03)


def test_whole_numbers_reach_both_ends_and_numbers_lie_between_theirs():
    assert {Draws(seed).whole("n", 2, 5) for seed in range(100)} == {2, 3, 4, 5}
    numbers = [Draws(seed).number("x", 0.5, 1.5) for seed in range(1000)]
    assert 0.5 <= min(numbers) < 0.55
    assert 1.45 < max(numbers) <= 1.5
    assert all(round(number, 2) == number for number in numbers)
