"""`fine-prune` silences the channels that sleep."""

from __future__ import annotations

import copy

import torch

from fpframe_plugins.attacks._layers import hidden_convolutions
from plugins.attacks.thieves_of_weights import silent


def test_fine_pruning_silences_the_channels_that_sleep(steal, victim, digits):
    drowsy, asleep = copy.deepcopy(victim), [3, 17, 40]
    last = hidden_convolutions(drowsy)[-1]
    with torch.no_grad():
        last.norm.bias[asleep] = -50.0  # never positive, though the weights are as large as before
    stolen = steal("fine-prune", ratio=3 / 48, model=drowsy)
    channels = hidden_convolutions(stolen)
    assert silent(stolen, channels[-1].last, digits.test.pixels) == asleep
    assert silent(stolen, channels[0].last, digits.test.pixels) == []
