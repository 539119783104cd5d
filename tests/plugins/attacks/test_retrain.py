"""`retrain` begins anew in the last layer."""

from __future__ import annotations

import torch.nn.functional as F

from fpframe_plugins.attacks._layers import last_layer
from plugins.attacks.thieves_of_weights import changed, state


def test_retraining_begins_with_fresh_weights_in_the_last_layer_only(steal, victim):
    still = {"learning_rate": 1e-9, "epochs": 1}
    reset = steal("retrain", **still)
    assert changed(state(victim), state(reset)) == {"13.weight", "13.bias"}
    other = steal("retrain", seed=1, **still)
    old, new, another = (last_layer(model.module).weight.detach() for model in (victim, reset, other))
    assert all(abs(correlation(*pair)) < 0.2 for pair in ((old, new), (new, another)))
    assert new.abs().max() <= new.shape[1] ** -0.5 + 1e-6  # the range that torch draws fresh weights from
    assert changed(state(victim), state(steal("retrain", layers="all"))) == set(state(victim))


def correlation(first, second):
    return float(F.cosine_similarity(first.flatten(), second.flatten(), dim=0))
