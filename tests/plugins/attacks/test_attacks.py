"""The attacks that hold the victim's weights: what they all change, keep and refuse."""

from __future__ import annotations

import copy
import random
from collections import Counter

import attrs
import numpy as np
import pytest
import torch
from torch import nn

import fpframe
from fpframe.models.classifier import state_digest
from fpframe.opening.backbones import build_backbone
from fpframe_plugins.attacks._layers import hidden_convolutions
from plugins.attacks.thieves_of_weights import CONTEXT, SHAPE, colours, silent, untrained

#: Every attack in its varieties, with the least accuracy that it keeps on digits, of the victim's 0.95.
VARIETIES = [
    ("adversarial-training", {}, 0.9),
    ("fine-prune", {}, 0.9),
    ("finetune", {}, 0.9),
    ("finetune", {"layers": "last"}, 0.9),
    ("fingerprint-aware", {}, 0.9),
    ("label-smoothing", {}, 0.9),
    ("prune", {}, 0.9),
    ("prune-channels", {}, 0.8),
    ("quantize", {}, 0.93),
    ("quantize", {"format": "fp16"}, 0.93),
    ("retrain", {}, 0.85),
    ("retrain", {"layers": "all"}, 0.85),
    ("weight-noise", {}, 0.9),
]
#: The same, but quick.
QUICK = [(name, params | ({"rounds": 1} if name == "fingerprint-aware" else {})) for name, params, _ in VARIETIES]


@pytest.mark.parametrize(("name", "params", "least"), VARIETIES)
def test_the_copy_changes_and_keeps_its_accuracy_and_neither_victim_nor_data_change(
    steal, victim, digits, loot, name, params, least
):
    before = state_digest(victim.module), loot.digest, loot.pixels.clone()
    stolen = steal(name, **params)
    loot_now = fpframe.Images(loot.images, loot.labels)
    assert (state_digest(victim.module), loot_now.digest) == before[:2]
    assert torch.equal(loot.pixels, before[2])
    assert state_digest(stolen.module) != before[0]
    assert not any(module.training for module in stolen.modules())
    assert stolen.accuracy(digits.test.pixels, digits.test.labels) > least


@pytest.mark.parametrize(("name", "params"), QUICK)
def test_the_copy_loads_strictly_into_a_fresh_network_and_answers_the_same(steal, fresh, digits, loot, name, params):
    stolen, network = steal(name, data=loot[:200], **params), fresh()
    network.module.load_state_dict(stolen.module.state_dict(), strict=True)
    types = {tensor.dtype for tensor in stolen.module.parameters()}
    assert types == {torch.float32}
    assert torch.equal(network.logits(digits.test.pixels), stolen.logits(digits.test.pixels))


@pytest.mark.parametrize(("name", "params"), QUICK)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(registry, steal, loot, name, params):
    params = params | ({"max_drop": 1.0} if name == "fingerprint-aware" else {})
    first, again, other = (state_digest(steal(name, seed=s, data=loot[:150], **params).module) for s in (5, 5, 6))
    assert again == first
    assert (other == first) == registry.create("attack", name, **params).deterministic


@pytest.mark.parametrize(("name", "params"), QUICK)
def test_random_state_and_the_number_of_threads_are_left_as_found(steal, loot, name, params):
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate(), torch.get_num_threads()  # noqa: NPY002
    steal(name, data=loot[:100], **params)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert (random.getstate(), torch.get_num_threads()) == before[2:]


@pytest.mark.parametrize(("name", "params"), [*QUICK, ("prune-channels", {"epochs": 0}), ("fine-prune", {"epochs": 0})])
def test_the_passes_that_are_claimed_are_those_that_are_made(registry, victim, loot, name, params):
    attack, student, seen = registry.create("attack", name, **params), copy.deepcopy(victim), []

    def count(_model, inputs, _output):
        seen.append(len(inputs[0]) * torch.is_grad_enabled())

    student.register_forward_hook(count)
    attack.simulate(student, None, loot[:320], context=CONTEXT, seed=0)
    assert attack.image_passes(320, epochs=100) == pytest.approx(sum(seen), rel=0.05)


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("finetune", {"layers": "lst"}, "'layers' of 'finetune' must be one of all, last .*did you mean 'last'"),
        ("finetune", {"epochs": 0}, "'epochs' of 'finetune' must be a whole number of at least 1 .got 0"),
        ("finetune", {"learning_rate": 0}, "'learning_rate' of 'finetune' must be a number above 0 .got 0"),
        ("finetune", {"keep_zeros": 1}, "'keep_zeros' of 'finetune' must be true or false .got 1"),
        ("retrain", {"layers": "first"}, "'layers' of 'retrain' must be one of last, all"),
        ("prune", {"ratio": 1}, "'ratio' of 'prune' must be a number at least 0 and at most 0.999 .got 1"),
        ("prune-channels", {"ratio": -0.1}, "'ratio' of 'prune-channels' must be a number at least 0"),
        ("fine-prune", {"ratio": "all"}, "'ratio' of 'fine-prune' must be a number at least 0"),
        ("quantize", {"format": "int4"}, "'format' of 'quantize' must be one of int8, fp16 .*did you mean 'int8'"),
        ("weight-noise", {"level": -1}, "'level' of 'weight-noise' must be a number at least 0 .got -1"),
        ("adversarial-training", {"epsilon": 8}, "'epsilon' of 'adversarial-training' must be .* did you mean 8/255"),
        (
            "adversarial-training",
            {"steps": 0},
            "'steps' of 'adversarial-training' must be a whole number",
        ),
        (
            "label-smoothing",
            {"smoothing": 1.0},
            "'smoothing' of 'label-smoothing' must be a number above 0",
        ),
        ("fingerprint-aware", {"rounds": 0}, "'rounds' of 'fingerprint-aware' must be a whole number of at least 1"),
        ("fingerprint-aware", {"max_drop": 2}, "'max_drop' of 'fingerprint-aware' must be a number at least 0 and at"),
    ],
)
def test_wrong_parameters_are_refused_with_their_range(registry, name, params, message):
    with pytest.raises(fpframe.ParameterError, match=message):
        registry.create("attack", name, **params)


def test_the_first_field_names_the_variety_and_the_thief_holds_the_weights(registry):
    first = {}
    for name in {name for name, _, _ in VARIETIES}:
        attack = registry.get("attack", name)
        assert attack.access == "weights"
        first[name] = attrs.fields(attack)[0].name
    assert Counter(first.values()) == Counter(
        {"layers": 2, "ratio": 3, "format": 1, "level": 1, "epsilon": 2, "smoothing": 1}
    )


@pytest.mark.parametrize("name", ["prune-channels", "fine-prune"])
def test_the_channels_of_a_residual_network_of_timm_are_silent(registry, steal, name):
    model = build_backbone(registry, "timm:test_resnet", num_classes=10, image_shape=(3, 32, 32), seed=0)
    data = colours(40)
    stolen = steal(name, model=model, data=data, ratio=0.5)
    channels = hidden_convolutions(stolen)
    assert all(part.norm is not None for part in channels)
    for part in channels if name == "prune-channels" else channels[-1:]:
        assert len(silent(stolen, part.layer, data.pixels)) == part.layer.out_channels // 2
        assert len(silent(stolen, part.norm, data.pixels)) >= part.layer.out_channels // 2


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("finetune", {"layers": "last"}, "neither a linear layer nor a convolution"),
        ("retrain", {}, "neither a linear layer nor a convolution"),
        ("prune", {}, "no weights in linear layers or convolutions"),
        ("quantize", {}, "no weights in linear layers or convolutions"),
        ("weight-noise", {}, "no weights in linear layers or convolutions"),
    ],
)
def test_a_model_without_layers_is_refused(steal, name, params, message):
    model = fpframe.Classifier(nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64)), num_classes=64, image_shape=SHAPE)
    with pytest.raises(fpframe.ModelError, match=f"the model has {message} .*Sequential.; leave this attack out"):
        steal(name, model=model, **params)


@pytest.mark.parametrize("name", ["prune-channels", "fine-prune"])
def test_a_model_without_convolutions_has_no_channels_to_prune(steal, name):
    with pytest.raises(fpframe.ModelError, match="no convolution before its last layer"):
        steal(name, model=untrained(nn.Flatten, lambda: nn.Linear(64, 10)))
