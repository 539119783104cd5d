"""`quantize` rounds weights to a grid."""

from __future__ import annotations

import copy

import torch
from torch import nn

from fpframe_plugins.attacks._layers import weights_of
from plugins.attacks.thieves_of_weights import changed, state, untrained


def test_int8_is_torchs_symmetric_grid_with_at_most_255_levels_a_channel(steal, victim):
    stolen = steal("quantize", format="int8")
    for name, weight in weights_of(victim.module).items():
        rounded = weights_of(stolen.module)[name].detach()
        scale = weight.detach().flatten(1).abs().amax(1) / 127
        points = torch.zeros(len(scale), dtype=torch.int32)
        expected = torch.fake_quantize_per_channel_affine(weight.detach(), scale, points, 0, -127, 127)
        torch.testing.assert_close(rounded, expected, rtol=1e-6, atol=1e-7)
        assert max(len(row.unique()) for row in rounded.flatten(1)) <= 255
        assert not torch.equal(rounded, weight)
    assert changed(state(victim), state(stolen)) == {f"{name}.weight" for name in weights_of(victim.module)}


def test_int8_leaves_a_channel_of_zeros_at_zero(steal):
    model = untrained(nn.Flatten, lambda: nn.Linear(64, 10))
    with torch.no_grad():
        model.module[1].weight[4] = 0
    weight = steal("quantize", model=model).module[1].weight
    assert weight.isfinite().all()
    assert weight.any(1).tolist() == [row != 4 for row in range(10)]


def test_fp16_values_can_be_held_in_sixteen_bits_and_never_overflow(steal, victim):
    large = copy.deepcopy(victim)
    with torch.no_grad():
        large.module[1].running_var[0] = 1e6
    stolen = state(steal("quantize", format="fp16", model=large))
    floats = {name: value for name, value in stolen.items() if value.is_floating_point()}
    assert all(torch.equal(value.half().float(), value) for value in floats.values())
    assert float(stolen["1.running_var"][0]) == 65504
    assert {name for name in floats if name.endswith("weight")} <= changed(state(victim), stolen)
