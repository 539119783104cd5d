"""A score that is one number keeps its order as a cosine."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from fpframe_plugins.encoders._one_number import OneNumber


class First(OneNumber):
    """The first element of the answers."""

    def number(self, answers: Tensor) -> Tensor:
        return answers[:, 0, 0]


def scores(module: OneNumber, numbers: list[float]) -> list[float]:
    victim, others = (module(torch.tensor(each).reshape(-1, 1, 1)) for each in ([0.9], numbers))
    return (others @ victim[0]).tolist()


@pytest.fixture
def module() -> First:
    module = First()
    answers = torch.tensor([[0.9, 1.0], [0.7, 0.8], [0.2, 0.3], [0.4, 0.3]]).reshape(4, 2, 1, 1)
    module.set_scale(answers, ["victim", "derived", "independent", "independent"])
    return module


def test_the_victim_scores_1_as_does_whatever_is_above_it_and_the_mean_independent_model_0(module):
    assert scores(module, [0.9, 1.0, 5.0, 0.3]) == pytest.approx([1, 1, 1, 0], abs=1e-6)


def test_below_the_victim_a_lower_number_is_always_a_lower_score(module):
    numbers = torch.linspace(-20, 0.9, 200)
    found = scores(module, numbers.tolist())
    assert all(low < high for low, high in itertools.pairwise(found))
    assert min(found) > -1


def test_embeddings_are_of_unit_length_and_show_what_is_not_finite(module):
    found = module(torch.tensor([-1e6, 0.3, 2.0, float("nan")]).reshape(-1, 1, 1))
    assert found[:3].norm(dim=1).tolist() == pytest.approx([1, 1, 1])
    assert not bool(found[3].isfinite().any())


def test_a_victim_that_is_like_independent_models_leaves_all_scores_finite():
    module = First()
    module.set_scale(torch.full((3, 1, 1, 1), 0.5), ["victim", "derived", "independent"])
    assert scores(module, [0.5, 0.9, 0.1])[:2] == [1, 1]
    assert bool(module(torch.tensor([[[0.1]]])).isfinite().all())
