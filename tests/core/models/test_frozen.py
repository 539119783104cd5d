"""Which layers of a network are the last ones, and a network that learns in part."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import fpframe
from fpframe.models import Training, train
from fpframe.models.frozen import deepen, ends_in, last_layers, layers_in_order, pass_through

IMAGES = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))


class Backwards(nn.Module):
    """A network whose layers are made in another order than images pass them, and one is never passed."""

    def __init__(self) -> None:
        super().__init__()
        self.classes = nn.Linear(6, 3)
        self.side = nn.Linear(4, 3)
        self.middle = nn.Linear(8, 6)
        self.first = nn.Linear(64, 8)

    def forward(self, images):
        return self.classes(torch.relu(self.middle(torch.relu(self.first(images.flatten(1))))))


class Scaled(Backwards):
    """One whose answers are not those of its last layer."""

    def forward(self, images):
        return 2 * super().forward(images)


class Paired(nn.Module):
    """One whose last layer takes two tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Bilinear(64, 64, 3)

    def forward(self, images):
        return self.layer(images.flatten(1), images.flatten(1))


def small(module: nn.Module) -> fpframe.Classifier:
    return fpframe.Classifier(module, num_classes=3, image_shape=(1, 8, 8))


def test_the_order_is_that_in_which_images_pass_the_layers():
    assert layers_in_order(Backwards(), IMAGES) == ["first", "middle", "classes"]


@pytest.mark.parametrize(
    ("share", "last"),
    [(0.01, ("classes",)), (0.05, ("middle", "classes")), (1.0, ("first", "middle", "classes")), (0.0, ())],
)
def test_the_last_layers_are_as_few_as_hold_the_share(share, last):
    assert last_layers(Backwards(), ["first", "middle", "classes"], share=share) == last


@pytest.mark.parametrize(("network", "ends"), [(Backwards, True), (Scaled, False)])
def test_whether_a_network_ends_in_a_layer_is_told_by_its_answers(network, ends):
    assert ends_in(network(), "classes", IMAGES) is ends


def test_a_layer_that_takes_two_tensors_is_no_end():
    features, answers = pass_through(Paired(), "layer", IMAGES)
    assert features is None
    assert answers.shape == (2, 3)
    assert not ends_in(Paired(), "layer", IMAGES)


@pytest.mark.parametrize("parts", [("classes",), ("middle", "classes"), ()], ids=["the last", "two", "all"])
def test_training_changes_the_parts_that_learn_and_no_others(parts):
    network = small(Backwards()).changing(*parts)
    before = {name: value.clone() for name, value in network.module.state_dict().items()}
    pixels, labels = torch.rand(12, 1, 8, 8), torch.arange(12) % 3
    train(network, pixels, labels, Training(epochs=2, batch_size=4), seed=0)
    changed = {
        name.partition(".")[0] for name, value in network.module.state_dict().items() if (value != before[name]).any()
    }
    assert changed == set(parts or ("first", "middle", "classes"))
    assert all(weight.requires_grad for weight in network.parameters()), "flags are as they were"


def test_batch_normalisation_that_does_not_learn_keeps_its_statistics():
    layers = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 3))
    network = small(layers).changing("3")
    train(network, torch.rand(12, 1, 8, 8), torch.arange(12) % 3, Training(epochs=1, batch_size=4), seed=0)
    assert int(layers[1].num_batches_tracked) == 0
    assert torch.equal(layers[1].running_mean, torch.zeros(4))


def test_what_learns_is_the_same_behind_another_preparation():
    network = small(Backwards()).changing("classes")
    assert network.behind(fpframe.Preparation(), (1, 8, 8)).learns == ("classes",)


def test_two_layers_take_the_place_of_the_last_one():
    network = Backwards()
    deepen(network, "classes", seed=3)
    assert [type(layer) for layer in network.classes] == [nn.Linear, nn.ReLU, nn.Linear]
    assert network(IMAGES).shape == (2, 3)
    again = Backwards()
    deepen(again, "classes", seed=3)
    assert torch.equal(again.classes[0].weight, network.classes[0].weight)


def test_a_last_layer_of_another_kind_stays():
    network = Paired()
    deepen(network, "layer", seed=3)
    assert type(network.layer) is nn.Bilinear
