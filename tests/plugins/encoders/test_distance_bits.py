"""`distance-bits` says of each pair whether its answers are far apart."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from fpframe.errors import ParameterError
from fpframe.models.channel import through_channel
from plugins.encoders.answers import cosines, embedding, some_answers


@pytest.fixture
def encoder(registry):
    return registry.create("encoder", "distance-bits")


@pytest.mark.parametrize("channel", ["probs", "rounded:2", "top1"])
@pytest.mark.parametrize("threshold", [0.2, 0.5])
def test_the_cosine_is_twice_the_share_of_equal_bits_less_one(registry, channel, threshold):
    encoder = registry.create("encoder", "distance-bits", threshold=threshold)
    one, other = (through_channel(some_answers(queries=40, classes=3, seed=seed), channel) for seed in (0, 1))
    bits = [1 - F.cosine_similarity(*answers.double().chunk(2, dim=1), dim=2) > threshold for answers in (one, other)]
    shares = (bits[0] == bits[1]).double().mean(1)
    assert cosines(encoder, one, other) == pytest.approx((2 * shares - 1).tolist(), abs=1e-6)
    assert 0 < float(shares.min()) < float(shares.max()) < 1


def test_through_labels_a_bit_says_whether_the_label_changes(encoder):
    answers = through_channel(some_answers(queries=20), "top1")
    clean, perturbed = answers.argmax(2).chunk(2, dim=1)
    assert torch.equal(embedding(encoder, answers) > 0, clean != perturbed)


def test_a_bit_is_of_the_perturbed_query_of_its_pair(encoder):
    answers = some_answers()
    parts = encoder.module(12, 5).by_query(embedding(encoder, answers), 12)
    assert parts.shape == (3, 12, 1)
    assert not parts[:, :6].any()
    assert bool((parts[:, 6:].abs() > 0).all())


def test_queries_that_are_not_pairs_are_refused(encoder):
    with pytest.raises(ParameterError, match=r"'distance-bits' compares .* and 7 queries are not pairs"):
        encoder.module(7, 5)
