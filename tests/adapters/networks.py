"""The models that adapters are tried on: one layer with bias, and whatever a library has of its own."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from fpframe.rng import isolated

K, SHAPE, SIZE = 10, (1, 8, 8), 64


def layered() -> nn.Sequential:
    """Return a network from images ``(N, 1, 8, 8)`` to logits ``(N, 10)``, always the same."""
    with isolated(4):
        network = nn.Sequential(nn.Flatten(), nn.Linear(SIZE, 16), nn.ReLU(), nn.Linear(16, K))
        for parameter in network.parameters():
            nn.init.normal_(parameter, std=0.5)
    return network.eval()


def linear() -> nn.Sequential:
    """Return one layer, which scikit-learn can hold too."""
    with isolated(5):
        network = nn.Sequential(nn.Flatten(), nn.Linear(SIZE, K))
        nn.init.normal_(network[1].weight, std=0.5)
    return network.eval()


def regression():
    """Return the classifier of scikit-learn that answers as `linear` does."""
    from sklearn.linear_model import LogisticRegression

    layer, found = linear()[1], LogisticRegression()
    found.coef_ = layer.weight.detach().double().numpy()
    found.intercept_ = layer.bias.detach().double().numpy()
    found.classes_, found.n_features_in_ = np.arange(K), SIZE
    return found


def resnet_of_transformers():
    """Return a classifier of transformers for images ``(N, 1, 8, 8)``, with random weights."""
    import transformers

    config = transformers.ResNetConfig(
        num_channels=1, embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], num_labels=K
    )
    with isolated(6):
        model = transformers.ResNetForImageClassification(config)
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=0.4)
    return model.eval()


class Logits(nn.Module):
    """The logits of a network of transformers."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.model(images).logits


def network_of_timm():
    """Return a network of timm for images ``(N, 1, 8, 8)``, with random weights."""
    import timm

    with isolated(7):
        return timm.create_model("test_resnet", num_classes=K, in_chans=1).eval()
