"""`jensen-shannon` gives the cosine that is one less the mean Jensen-Shannon divergence, against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import rel_entr

from fpframe.models.channel import through_channel
from plugins.encoders.answers import cosines, embedding, some_answers


def divergences(one: torch.Tensor, other: torch.Tensor) -> np.ndarray:
    """Return the mean Jensen-Shannon divergence ``(V,)`` of answers ``(V, Q, K)``, in nats, as DeepJudge has it."""
    p, q = one.double().numpy(), other.double().numpy()
    middle = (p + q) / 2
    return ((rel_entr(p, middle) + rel_entr(q, middle)).sum(2) / 2).mean(1)


@pytest.fixture
def encoder(registry):
    return registry.create("encoder", "jensen-shannon")


def sharper(answers: torch.Tensor, power: float) -> torch.Tensor:
    return (power * answers.log()).softmax(2)


@pytest.mark.parametrize("power", [0.2, 1.0, 4.0, 20.0])
@pytest.mark.parametrize("classes", [2, 10, 200])
def test_the_cosine_is_one_less_the_mean_divergence_in_bits(encoder, power, classes):
    one, other = (sharper(some_answers(classes=classes, seed=seed), power) for seed in (0, 1))
    by_hand = 1 - divergences(one, other) / math.log(2)
    assert cosines(encoder, one, other) == pytest.approx(by_hand, abs=1e-3)
    assert max(by_hand) < 0.99


def test_models_that_answer_much_alike_are_told_apart_to_four_decimals(encoder):
    one = some_answers()
    nearly = sharper(one, 1.1)
    by_hand = 1 - divergences(one, nearly) / math.log(2)
    assert cosines(encoder, one, nearly) == pytest.approx(by_hand, abs=1e-5)
    assert max(by_hand) < 0.9995


def test_through_labels_alone_the_cosine_is_the_matching_rate(encoder, registry):
    one, other = (through_channel(some_answers(queries=40, seed=seed), "top1") for seed in (0, 1))
    rates = cosines(registry.create("encoder", "labels"), one, other)
    assert cosines(encoder, one, other) == pytest.approx(rates, abs=1e-6)
    assert 0 < min(rates) < max(rates) < 1


def test_every_query_weighs_the_same_also_where_rounded_answers_do_not_sum_to_one(encoder):
    answers = through_channel(some_answers(classes=30), "rounded:1")
    assert answers.sum(2).std() > 0.05
    parts = encoder.module(12, 30).by_query(embedding(encoder, answers), 12)
    assert torch.allclose(parts.norm(dim=2), torch.full((3, 12), 1 / math.sqrt(12)), atol=1e-6)
