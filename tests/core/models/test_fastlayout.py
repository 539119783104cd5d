"""Large images lie as convolutions read them fastest, where the network takes that."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import fpframe
from fpframe.models import FastLayout


class Watched(nn.Module):
    """A convolution that remembers whether channels came last, and flattens what it made by `view` if it is told to."""

    def __init__(self, *, view: bool = False) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3, stride=16)
        self.view, self.last = view, []

    def forward(self, images):
        self.last.append(images.is_contiguous(memory_format=torch.channels_last))
        made = self.layer(images)
        return made.view(len(images), -1)[:, :3] if self.view else made.flatten(1)[:, :3]


@pytest.mark.parametrize(("side", "last"), [(96, True), (95, False)])
def test_channels_of_large_images_come_last(side, last):
    network = Watched()
    FastLayout().ask(network, torch.rand(2, 3, side, side))
    assert network.last == [last]


def test_a_network_that_cannot_take_that_answers_all_the_same_and_is_not_tried_again():
    network, layout, images = Watched(view=True), FastLayout(), torch.rand(2, 3, 112, 112)
    assert torch.equal(layout.ask(network, images), network.layer(images).flatten(1)[:, :3])
    layout.ask(network, images)
    assert network.last == [True, False, False]


def test_a_network_that_fails_anyway_says_so_itself():
    class Broken(Watched):
        def forward(self, images):
            raise RuntimeError("no such plane")

    with pytest.raises(RuntimeError, match="no such plane"):
        FastLayout().ask(Broken(), torch.rand(2, 3, 112, 112))


def test_what_asks_somebody_else_is_asked_once():
    asked = []

    class Service(nn.Module):
        def forward(self, images):
            asked.append(len(images))
            raise RuntimeError("no answer")

    with pytest.raises(RuntimeError, match="no answer"):
        FastLayout().ask(Service(), torch.rand(2, 3, 112, 112))
    assert asked == [2]


@pytest.mark.parametrize("view", [False, True])
def test_victims_and_suspects_get_their_images_so(view):
    network = Watched(view=view).eval()
    pixels = torch.rand(20, 3, 128, 128)
    whole = network(pixels).detach()
    classifier = fpframe.Classifier(network, num_classes=3, image_shape=(3, 128, 128))
    assert torch.allclose(classifier.logits(pixels), whole, atol=1e-5)
    assert any(network.last) is True
    registry = fpframe.load_registry()
    network.last.clear()
    query = fpframe.open_suspect(network, registry=registry, num_classes=3, image_shape=(3, 128, 128), outputs="logits")
    assert torch.allclose(query(pixels), whole.softmax(1), atol=1e-5)
    assert network.last[0] is True
    assert query.batch_size == 32
