"""Levels of very many suspects: what each would get alone, counted one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from fpframe.decision import SHARINGS, holm_thresholds, levels_of_many, reach, reaches

#: P-values as ranks of few models make them, many of them equal, and some that never pass.
DRAWN = st.lists(
    st.sampled_from([*(k / 40 for k in range(1, 41)), *(k / 1000 for k in range(1, 11)), np.inf]), min_size=1
)
LEVELS = st.sampled_from([0.01, 0.05, 0.1, 0.5])


def grouped(p_values: list[float], alpha: float, sharing: str) -> list[float]:
    """Return the level of each p-value, by counting equal ones together."""
    values, place, counts = np.unique(p_values, return_inverse=True, return_counts=True)
    return levels_of_many(values, counts, alpha, sharing)[place].tolist()


@given(DRAWN, LEVELS)
def test_holm_over_groups_is_holm_one_by_one(p_values, alpha):
    assert grouped(p_values, alpha, "holm") == pytest.approx(holm_thresholds(p_values, alpha))


@given(DRAWN, LEVELS)
def test_benjamini_hochberg_over_groups_is_the_step_up_one_by_one(p_values, alpha):
    ordered, passing = sorted(p_values), 0
    for rank, p in enumerate(ordered, start=1):
        if reaches(p, alpha * rank / len(ordered)):
            passing = rank
    called = [
        reaches(p, level) for p, level in zip(p_values, grouped(p_values, alpha, "benjamini-hochberg"), strict=True)
    ]
    assert sum(called) == passing
    assert called == [p <= ordered[passing - 1] if passing else False for p in p_values]


@given(DRAWN, LEVELS)
def test_a_suspect_that_passes_shared_passes_alone(p_values, alpha):
    holm, step_up, alone = (
        reach(np.array(p_values), np.array(grouped(p_values, alpha, sharing)))
        for sharing in ("holm", "benjamini-hochberg", "alone")
    )
    assert not (holm & ~step_up).any()
    assert not (step_up & ~alone).any()


@pytest.mark.parametrize("sharing", SHARINGS)
def test_p_values_that_nobody_has_change_nothing(sharing):
    values, counts = np.array([0.001, 0.002, 0.01, 0.5, 0.9]), np.array([0, 3, 0, 10, 0])
    some = counts > 0
    everyone = levels_of_many(values, counts, 0.1, sharing)
    assert everyone[some].tolist() == levels_of_many(values[some], counts[some], 0.1, sharing).tolist()


def test_a_million_suspects_are_counted_by_their_few_values():
    values, counts = np.array([1e-8, 0.1, 1.0]), np.array([20, 99_980, 900_000])
    assert levels_of_many(values, counts, 0.1, "holm")[0] == pytest.approx(1e-7)
    passing = reach(values, levels_of_many(values, counts, 0.1, "benjamini-hochberg"))
    assert passing.tolist() == [True, False, False]


def test_groups_that_are_not_in_order_are_refused():
    with pytest.raises(ValueError, match="p-values must rise"):
        levels_of_many(np.array([0.2, 0.1]), np.array([1, 1]), 0.1, "holm")
