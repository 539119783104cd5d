"""`Beginning` tells whether all layers of a network but one are still what they were."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from fpframe.models.beginning import Beginning


class Noted(nn.Linear):
    """A layer that saves more than tensors with its weights, as those of some libraries do."""

    def get_extra_state(self) -> str:
        return "a note"

    def set_extra_state(self, state: str) -> None:
        """There is nothing to restore."""


@pytest.fixture
def network() -> nn.Sequential:
    return nn.Sequential(Noted(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 3), nn.Linear(3, 2))


def remembered(network: nn.Module) -> Beginning:
    return Beginning.of(network, SimpleNamespace())


def test_the_one_layer_may_change_and_become_another(network):
    beginning = remembered(network)
    assert beginning.is_whole(network, network[3])
    network[3].weight.data.zero_()
    assert beginning.is_whole(network, network[3])
    network[3] = nn.Linear(3, 2)
    assert beginning.is_whole(network, network[3])


@pytest.mark.parametrize("name", ["0.weight", "1.running_mean", "1.num_batches_tracked", "2.bias"])
def test_a_change_anywhere_else_is_found(network, name):
    beginning = remembered(network)
    network.state_dict()[name].add_(1)
    assert not beginning.is_whole(network, network[3])


@pytest.mark.parametrize("put", [nn.Identity(), nn.Sequential(nn.Linear(4, 4))], ids=["taken out", "replaced"])
def test_a_layer_that_is_no_longer_there_is_found(network, put):
    beginning = remembered(network)
    network[0] = put
    with torch.no_grad():
        network(torch.zeros(2, 4))
    assert not beginning.is_whole(network, network[3])
