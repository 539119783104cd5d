"""Networks of torchvision, fitted to images of any size and with weights of their own."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torchvision import models

from fpframe_plugins.backbones.torchvision import TorchvisionBackbones
from plugins.backbones.building import build


def test_a_network_that_refuses_small_images_gets_them_enlarged() -> None:
    model = build(TorchvisionBackbones(), "inception_v3", (1, 8, 12))
    assert isinstance(model.module[0], nn.Upsample)
    assert model.module[0].size == (96, 144)
    assert model.module[1].Conv2d_1a_3x3.conv.stride == (2, 2), "enlarged images need no other stem"


def test_a_network_that_takes_small_images_gets_them_as_they_are() -> None:
    model = build(TorchvisionBackbones(), "googlenet", (3, 32, 32))
    assert type(model.module).__name__ == "GoogLeNet"
    assert model.module.aux1 is None


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "squeezenet1_1", "inception_v3"])
def test_trained_torchvision_networks_get_a_head_and_channels_of_their_own(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = (
        models.get_model(name, weights=None, init_weights=False) if name == "inception_v3" else models.get_model(name)
    )
    expected = copy.deepcopy(original.state_dict())
    monkeypatch.setattr(models, "get_model", lambda name, *, weights: original)
    model = TorchvisionBackbones().build(name, num_classes=7, image_shape=(1, 96, 96), pretrained=True, seed=0)
    state = model.module.state_dict()
    changed = {key.rpartition(".")[0] for key in state if not torch.equal(state[key], expected[key])}
    assert model.train()(torch.rand(2, 1, 96, 96)).shape == (2, 7)
    assert len(changed) == 2, "the first and the last layer"
