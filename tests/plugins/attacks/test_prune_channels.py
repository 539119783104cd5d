"""`prune-channels` silences the weakest channels."""

from __future__ import annotations

import pytest
from torch import nn

import fpframe
from fpframe_plugins.attacks._layers import hidden_convolutions
from plugins.attacks.thieves_of_weights import silent, untrained


@pytest.mark.parametrize("epochs", [0, 1])
def test_pruned_channels_are_the_weakest_and_give_nothing_for_any_image(steal, victim, digits, epochs):
    stolen = steal("prune-channels", ratio=0.25, epochs=epochs)
    for before, after in zip(hidden_convolutions(victim), hidden_convolutions(stolen), strict=True):
        size = before.layer.weight.abs().sum((1, 2, 3))
        weakest = size.argsort()[: len(size) // 4]
        assert sorted(weakest.tolist()) == silent(stolen, after.last, digits.test.pixels)
        assert not after.layer.weight[weakest].any()


def test_channels_with_a_bias_or_a_normalisation_without_weights_are_silent_too(steal, digits, loot):
    model = untrained(
        lambda: nn.Conv2d(1, 8, 3),
        nn.Tanh,
        lambda: nn.Conv2d(8, 8, 3, groups=8),
        lambda: nn.Conv2d(8, 10, 1),
        lambda: nn.BatchNorm2d(10, affine=False),
        nn.ReLU,
        nn.Flatten,
        lambda: nn.Linear(160, 10),
    )
    fpframe.train(model, loot.pixels, loot.labels, fpframe.Training(epochs=1), seed=0)
    stolen = steal("prune-channels", ratio=0.5, model=model)
    layers = stolen.module
    assert [channels.layer for channels in hidden_convolutions(stolen)] == [layers[0], layers[3]]
    assert len(silent(stolen, layers[0], digits.test.pixels)) == 4
    assert len(silent(stolen, layers[4], digits.test.pixels)) == 5
