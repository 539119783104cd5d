"""`decision-distance` compares how far apart a model answers the images of each pair, whatever its classes are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial import distance

from fpframe.errors import ParameterError
from fpframe.models.channel import through_channel
from plugins.encoders.answers import cosines, embedding, some_answers


@pytest.fixture
def encoder(registry):
    return registry.create("encoder", "decision-distance")


def vectors(answers: torch.Tensor) -> list[np.ndarray]:
    """Return the decision distance vector of each view, by scipy."""
    half = answers.shape[1] // 2
    return [
        np.array([distance.cosine(view[i], view[i + half]) for i in range(half)]) for view in answers.double().numpy()
    ]


@pytest.mark.parametrize("channel", ["probs", "rounded:2", "top1"])
def test_the_score_is_the_cosine_of_the_vectors_of_cosine_distances(encoder, channel):
    one, other = (through_channel(some_answers(seed=seed), channel) for seed in (0, 1))
    by_hand = [1 - distance.cosine(ours, theirs) for ours, theirs in zip(vectors(one), vectors(other), strict=True)]
    assert cosines(encoder, one, other) == pytest.approx(by_hand, abs=1e-6)
    assert max(by_hand) < 0.999


def test_models_of_other_classes_and_of_other_numbers_of_classes_can_be_compared(encoder):
    answers = some_answers()
    renamed = answers.flip(2)
    assert cosines(encoder, answers, renamed) == pytest.approx([1.0] * 3)
    more = torch.cat([answers, torch.zeros(3, 12, 4)], dim=2)
    assert torch.allclose(encoder.module(12, 5)(more), embedding(encoder, answers), atol=1e-6)
    assert cosines(encoder, answers, more) == pytest.approx([1.0] * 3)


def test_equal_answers_to_both_images_of_every_pair_are_at_a_distance_of_exactly_zero(encoder):
    clean = some_answers(queries=6)
    found = embedding(encoder, torch.cat([clean, clean], dim=1))
    assert torch.equal(found, torch.tensor([[0.0] * 6 + [1.0]] * 3))


def test_a_distance_is_of_the_perturbed_query_of_its_pair(encoder):
    found = embedding(encoder, some_answers())
    parts = encoder.module(12, 5).by_query(found, 12)
    assert parts.shape == (3, 12, 1)
    assert not parts[:, :6].any()
    assert torch.equal(parts[:, 6:, 0], found[:, :6])


def test_queries_that_are_not_pairs_are_refused(encoder):
    with pytest.raises(ParameterError, match="7 queries are not pairs; give the scheme one part with 'pair = true'"):
        encoder.module(7, 5)
