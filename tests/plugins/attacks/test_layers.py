"""What is found out about the layers of a network."""

from __future__ import annotations

import torch
from torch import nn

import fpframe
from fpframe_plugins.attacks._layers import hidden_convolutions, zeros_of
from plugins.attacks.thieves_of_weights import SHAPE


def test_a_few_zeros_are_not_taken_for_a_pruned_weight():
    layer = nn.Linear(20, 10)
    with torch.no_grad():
        layer.weight.fill_(1)
        layer.bias.zero_()
        layer.weight[0, 0] = 0
    assert zeros_of(layer, least=0.01) == []
    with torch.no_grad():
        layer.weight[0, 1] = 0
    [(weight, mask)] = zeros_of(layer, least=0.01)
    assert weight is layer.weight
    assert mask.nonzero().tolist() == [[0, 0], [0, 1]]


def test_a_normalisation_belongs_to_the_convolution_whose_output_it_takes(fresh):
    class Crossed(nn.Module):
        def __init__(self):
            super().__init__()
            # as registered, each normalisation follows the wrong convolution
            self.second, self.norm_of_first = nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)
            self.first, self.norm_of_sum = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)
            self.head = nn.Linear(4, 10)

        def forward(self, x):
            x = self.norm_of_first(self.first(x))
            return self.head(self.norm_of_sum(x[..., 2:, 2:] + self.second(x)).mean((2, 3)))

    model = fpframe.Classifier(Crossed(), num_classes=10, image_shape=SHAPE)
    module = model.module
    found = [(channels.layer, channels.norm) for channels in hidden_convolutions(model)]
    assert found == [(module.first, module.norm_of_first), (module.second, None)]
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
