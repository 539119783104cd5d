"""`robustness` counts the pairs on which two models are fooled alike."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import one_hot

from fpframe.errors import ParameterError
from fpframe.models.channel import through_channel
from plugins.encoders.answers import cosines, embedding, some_answers


@pytest.fixture
def encoder(registry):
    return registry.create("encoder", "robustness")


def fooled(answers: torch.Tensor) -> torch.Tensor:
    clean, perturbed = answers.argmax(2).chunk(2, dim=1)
    return clean != perturbed


@pytest.mark.parametrize("channel", ["probs", "rounded:2", "top1"])
def test_the_cosine_is_the_share_of_pairs_on_which_both_or_neither_are_fooled(encoder, channel):
    one, other = (through_channel(some_answers(queries=40, classes=3, seed=seed), channel) for seed in (0, 1))
    agreeing = (fooled(one) == fooled(other)).double().mean(1)
    assert cosines(encoder, one, other) == pytest.approx(agreeing.tolist(), abs=1e-6)
    assert 0 < float(agreeing.min()) < float(agreeing.max()) < 1


def test_of_a_victim_that_all_images_fool_it_is_one_less_the_robustness_distance(encoder):
    truth = torch.arange(20) % 5
    victim, suspect = torch.cat([truth, truth + 1]) % 5, torch.cat([truth, truth + (truth > 1)]) % 5
    answers = [one_hot(labels, 5).float()[None] for labels in (victim, suspect)]
    right = [float((labels[20:] == truth).double().mean()) for labels in (victim, suspect)]
    assert right == [0.0, 0.4]
    assert cosines(encoder, *answers) == pytest.approx([1 - abs(right[1] - right[0])])


def test_being_fooled_is_of_the_perturbed_query_of_its_pair(encoder):
    answers = some_answers()
    parts = encoder.module(12, 5).by_query(embedding(encoder, answers), 12)
    assert parts.shape == (3, 12, 2)
    assert not parts[:, :6].any()
    assert torch.equal(parts[:, 6:, 0] > 0, fooled(answers))


def test_queries_that_are_not_pairs_are_refused(encoder):
    with pytest.raises(ParameterError, match="7 queries are not pairs; give the scheme one part with 'pair = true'"):
        encoder.module(7, 5)
