"""A network in two parts, which do together what it does."""

from __future__ import annotations

import pytest
import timm
import torch
import torchvision
from torch import nn

from fpframe.models.cut import Cut

IMAGES = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


class Block(nn.Module):
    """Adds what it makes to what it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.layer = nn.Conv2d(3, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, images):
        return images + self.scale * torch.relu(self.norm(self.layer(images)))


class Network(nn.Module):
    """Counts its images before it begins, as many do that flatten them by `view`."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Block(), Block(), Block())
        self.classes = nn.Linear(3, 5)

    def forward(self, images, scale=None):
        count = images.size(0)
        made = self.blocks(images)
        return self.classes(made.mean((2, 3)).view(count, -1))


class Skipping(Network):
    """Takes the images again at the end."""

    def forward(self, images, scale=None):
        return super().forward(images) + images.mean()


class Deciding(Network):
    """Does what it does by what it sees, which cannot be traced."""

    def forward(self, images, scale=None):
        return super().forward(images if images.mean() > 0 else -images)


def cut(module, *parts):
    return Cut.before(module.eval(), parts, IMAGES)


@pytest.mark.parametrize("part", ["blocks.2.layer", "blocks.2.norm", "blocks.2"])
def test_the_place_is_before_the_block_that_the_part_is_in(part):
    network = Network()
    parts = cut(network, part, "classes")
    assert parts.start.state_dict().keys() == {
        name for name in network.state_dict() if name.startswith(("blocks.0", "blocks.1"))
    }
    assert torch.equal(parts.rest(parts.start(IMAGES)), network(IMAGES))


def test_any_number_of_images_passes_both_parts():
    network = Network()
    parts = cut(network, "blocks.1", "classes")
    more = torch.rand(7, 3, 32, 32)
    assert torch.equal(parts.rest(parts.start(more)), network(more))


def test_the_parts_share_the_weights_of_the_network():
    network = Network()
    parts = cut(network, "blocks.2", "classes")
    with torch.no_grad():
        network.classes.bias += 1
    assert torch.equal(parts.rest(parts.start(IMAGES)), network(IMAGES))
    assert parts.rest.get_submodule("classes") is network.classes


@pytest.mark.parametrize("network", [Skipping(), Deciding()], ids=["takes images twice", "decides by its images"])
def test_a_network_that_has_no_such_place_or_cannot_be_traced_is_not_cut(network):
    assert cut(network, "blocks.2", "classes") is None


def test_a_network_is_not_cut_before_its_first_layer():
    assert cut(Network(), "blocks.0", "classes") is None


LIBRARIES = {
    "timm resnet18": (lambda: timm.create_model("resnet18"), "layer4.1.conv1"),
    "timm vit": (lambda: timm.create_model("vit_tiny_patch16_224", img_size=32, depth=3), "blocks.2.mlp.fc1"),
    "timm efficientnet": (lambda: timm.create_model("test_efficientnet"), "conv_head"),
    "timm convnext": (lambda: timm.create_model("test_convnext"), "stages.3.blocks.0"),
    "torchvision resnet18": (lambda: torchvision.models.resnet18(), "layer4.1.conv1"),
    "torchvision mobilenet": (lambda: torchvision.models.mobilenet_v3_small(), "classifier.0"),
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_networks_of_libraries_are_cut(name):
    make, part = LIBRARIES[name]
    network = make().eval()
    parts = cut(network, part)
    assert torch.equal(parts.rest(parts.start(IMAGES)), network(IMAGES))
    assert not any(key.startswith(part) for key in parts.start.state_dict())
