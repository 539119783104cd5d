"""`identity` compares the answers themselves."""

from __future__ import annotations

import pytest
import torch

from fpframe.models.channel import through_channel
from plugins.encoders.answers import CLASSES, cosines, some_answers


def test_identity_takes_rounding_errors_of_a_uniform_answer_for_nothing(registry):
    uniform = [0.2 + 2e-8 * torch.randn(3, 12, 5, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    encoder = registry.create("encoder", "identity")
    assert cosines(encoder, *uniform) == pytest.approx([1.0] * 3)
    assert cosines(encoder, uniform[0], some_answers()) == pytest.approx([0.0] * 3, abs=1e-5)


def test_the_cosine_of_identity_is_the_correlation_of_the_centred_answers(registry):
    one, other = some_answers(seed=0), some_answers(seed=1)
    # each answer has the same mean, 1/K, so that this is the correlation over all numbers
    views = torch.stack([one, other], dim=1).flatten(2)
    by_hand = [float(torch.corrcoef(view)[0, 1]) for view in views]
    assert cosines(registry.create("encoder", "identity"), one, other) == pytest.approx(by_hand, abs=1e-5)


def test_identity_ranks_labels_as_the_matching_rate_does(registry):
    one, other = (through_channel(some_answers(seed=seed), "top1") for seed in (0, 1))
    rates = torch.tensor(cosines(registry.create("encoder", "labels"), one, other))
    expected = (rates - 1 / CLASSES) / (1 - 1 / CLASSES)
    assert cosines(registry.create("encoder", "identity"), one, other) == pytest.approx(expected.tolist(), abs=1e-6)
