"""Images are smaller while a network learns, where it takes them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import fpframe
from fpframe.models import Training, train
from fpframe.models.shrinking import shrinking


def seeing(module: nn.Module, **how) -> tuple[fpframe.Classifier, list[tuple[int, ...]]]:
    """Return a classifier and the sizes of the images that its network has seen."""
    sizes: list[tuple[int, ...]] = []
    network = fpframe.Classifier(module, num_classes=3, image_shape=(1, 24, 16), **how)
    module[0].register_forward_pre_hook(lambda _, inputs: sizes.append(tuple(inputs[0].shape[2:])))
    return network, sizes


def free() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


def fixed() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(24 * 16, 3))


def test_a_network_learns_from_smaller_images_and_is_asked_about_whole_ones():
    network, sizes = seeing(free())
    pixels, labels = torch.rand(8, 1, 24, 16), torch.arange(8) % 3
    train(network, pixels, labels, Training(epochs=1, batch_size=4, side=8, memory_format="contiguous"), seed=0)
    assert sizes[-2:] == [(12, 8), (12, 8)]
    network.logits(pixels)
    assert sizes[-1] == (24, 16)


@pytest.mark.parametrize("side", [None, 16, 100])
def test_images_that_are_no_larger_stay(side):
    network, sizes = seeing(free())
    with shrinking(network, side):
        network(torch.rand(2, 1, 24, 16))
    assert sizes == [(24, 16)]


def test_a_network_for_images_of_one_size_gets_them_whole():
    network, _ = seeing(fixed())
    with shrinking(network, 8):
        assert network(torch.rand(2, 1, 24, 16)).shape == (2, 3)


def test_what_is_enlarged_for_the_network_is_shrunk_again():
    network, sizes = seeing(free(), preparation="resize=48,bilinear,antialias")
    with shrinking(network, 24):
        network(torch.rand(2, 1, 24, 16))
    assert sizes[-1] == (36, 24)


def test_models_of_recipes_that_do_not_name_a_side_keep_their_keys():
    assert "side" not in Training().identity()
    assert Training(side=64).identity()["side"] == 64
