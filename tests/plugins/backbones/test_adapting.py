"""What is changed in a library's network for small images and other channels."""

from __future__ import annotations

import pytest
from torch import nn

import fpframe
from fpframe_plugins.backbones.timm import Timm
from fpframe_plugins.backbones.torchvision import TorchvisionBackbones
from plugins.backbones.building import build, label


@pytest.mark.parametrize(
    ("source", "name", "stem"),
    [(Timm(), "resnet10t", "conv1.0"), (TorchvisionBackbones(), "resnet18", "conv1")],
    ids=label,
)
def test_a_strided_stem_keeps_the_resolution_of_small_images_only(
    source: fpframe.BackboneSource, name: str, stem: str
) -> None:
    small, large = (build(source, name, (3, side, side)).module for side in (32, 64))
    assert isinstance(small.maxpool, nn.Identity)
    assert isinstance(large.maxpool, nn.MaxPool2d)
    strides = [network.get_submodule(stem).stride for network in (small, large)]
    assert strides == [(1, 1), (2, 2)]


@pytest.mark.parametrize("source", [Timm(), TorchvisionBackbones()], ids=label)
@pytest.mark.parametrize(("channels", "mean"), [(1, 0.5), (2, 0.5), (3, 0.485)])
def test_photograph_statistics_are_for_three_channels_only(
    source: fpframe.BackboneSource, channels: int, mean: float
) -> None:
    name = "resnet10t" if isinstance(source, Timm) else "mobilenet_v3_small"
    model = build(source, name, (channels, 16, 16))
    assert model.get_buffer("_mean").shape == (1, channels, 1, 1)
    assert float(model.get_buffer("_mean")[0, 0]) == pytest.approx(mean)
