"""`labels` counts the labels that two models share."""

from __future__ import annotations

import pytest

from fpframe.models.channel import through_channel
from plugins.encoders.answers import cosines, some_answers


@pytest.mark.parametrize("channel", ["probs", "rounded:1", "top1"])
def test_the_cosine_of_labels_is_the_matching_rate(registry, channel):
    one, other = (through_channel(some_answers(seed=seed), channel) for seed in (0, 1))
    pairs = [list(zip(ours, theirs, strict=True)) for ours, theirs in zip(one, other, strict=True)]
    rates = [sum(int(a.argmax()) == int(b.argmax()) for a, b in view) / 12 for view in pairs]
    assert 0 < min(rates) < max(rates) < 1
    assert cosines(registry.create("encoder", "labels"), one, other) == pytest.approx(rates, abs=1e-6)
