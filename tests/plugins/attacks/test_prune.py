"""`prune` zeroes the smallest weights of all layers."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

import fpframe
from fpframe_plugins.attacks._layers import weights_of
from plugins.attacks.thieves_of_weights import SHAPE, changed, state, untrained


@pytest.mark.parametrize("ratio", [0, 0.1, 0.4, 0.95])
def test_pruning_zeroes_the_same_weights_as_torch_does_over_all_layers(steal, victim, ratio):
    stolen, reference = steal("prune", ratio=ratio), copy.deepcopy(victim)
    layers = [(m, "weight") for m in reference.module.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    prune.global_unstructured(layers, pruning_method=prune.L1Unstructured, amount=float(ratio))
    expected = [layer.weight for layer, _ in layers]
    weights = list(weights_of(stolen.module).values())
    assert sum(int((weight == 0).sum()) for weight in weights) == round(ratio * sum(w.numel() for w in weights))
    assert all(torch.equal(weight, other) for weight, other in zip(weights, expected, strict=True))
    assert changed(state(victim), state(stolen)) <= {f"{name}.weight" for name in weights_of(victim.module)}


def test_pruning_is_exact_where_weights_are_equal(steal):
    model = untrained(nn.Flatten, lambda: nn.Linear(64, 10))
    nn.init.ones_(model.module[1].weight)
    assert int((steal("prune", ratio=0.3, model=model).module[1].weight == 0).sum()) == 192


def test_weights_that_are_computed_from_others_are_not_changed_in_vain(steal):
    module = nn.Sequential(nn.Flatten(), nn.utils.parametrizations.weight_norm(nn.Linear(64, 10)))
    with pytest.raises(fpframe.ModelError, match="no weights in linear layers or convolutions"):
        steal("prune", model=fpframe.Classifier(module, num_classes=10, image_shape=SHAPE))
