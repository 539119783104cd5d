"""Encoder ``walk-distances``: after how many steps of random walks a model's label changes.

From "Dataset Inference: Ownership Resolution in Machine Learning" (Maini, Yaghini and Papernot, ICLR 2021): the
distances of blind walks, and the regressor on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import fpframe
from fpframe import through_channel
from fpframe.interfaces import Relation
from fpframe.models import TOP1
from fpframe.parameters import number, whole
from fpframe_plugins.augmenters.blind_walks import walked_length
from fpframe_plugins.encoders._one_number import OneNumber

#: A standard deviation below this is a rounding error: all distances are equal.
_NOISE = 1e-6


class WalkRegressor(OneNumber):
    """Answers ``(B, Q, K)`` to the mean confidence ``(B,)`` of the images that walks began at.

    Attributes:
        mean: mean distance of each walk, ``(W,)``.
        deviation: its standard deviation, ``(W,)``.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, starts: int, steps: int, hidden: int) -> None:
        super().__init__()
        self.steps, self.length = steps, walked_length(starts, steps)
        walks = (self.length - 1) // steps
        self.layers = nn.Sequential(nn.Linear(walks, hidden), nn.ReLU(), nn.Linear(hidden, 1), nn.Tanh())
        self.register_buffer("mean", torch.zeros(walks))
        self.register_buffer("deviation", torch.ones(walks))

    def number(self, answers: Tensor) -> Tensor:
        """Return the mean confidence; it is not finite where answers are not."""
        return self.confidence(self.distances(answers)) + 0 * answers.flatten(1).sum(1)

    def distances(self, answers: Tensor) -> Tensor:
        """Return the share of each walk's steps before the label is another than the image's, ``(B, I, W)``.

        Where the last image is cut off, its label counts as never left by the steps that are not there.
        """
        labels = through_channel(answers, TOP1)
        q = labels.shape[1]
        begun = torch.arange(q, device=labels.device) // self.length * self.length
        left = F.pad((labels != labels[:, begun]).any(2), (0, -q % self.length))
        steps = left.unflatten(1, (-1, self.length))[:, :, 1:].unflatten(2, (-1, self.steps))
        distances: Tensor = (steps.cumsum(3) == 0).float().mean(3)
        return distances

    def confidence(self, distances: Tensor) -> Tensor:
        """Return the mean over the images of what the regressor makes of their distances, ``(B,)`` in (-1, 1)."""
        each: Tensor = self.layers((distances - self.mean) / self.deviation).squeeze(2)
        return each.mean(1)


@attrs.frozen(kw_only=True)
class WalkDistances(fpframe.Encoder):
    """Fit the regressor of dataset inference to distances of blind walks; its mean over the images is the score.

    The regressor is a small network from the distances of one image to its confidence, the same for all images. In
    dataset inference it tells images that the victim was trained on from others, on the victim alone; a suspect is
    accused if it is more confident on the former. The interfaces tell nobody which images those are. So here it learns
    to tell models made from the victim from independent ones, and the score is its mean over all images. Network,
    loss, optimiser and number of steps are those of the authors' release. There a walk ends where the label is not the
    true one, and its length is a norm; an encoder does not know the true label, so that here it ends where the model
    leaves its own label of the image, and its length is counted in steps.

    Labels are all that is compared.

    Attributes:
        starts: walks with each noise; as for `blind-walks`.
        steps: steps of a walk; as for `blind-walks`.
        hidden: width of the hidden layer.
        iterations: steps of gradient descent, each on all fingerprints.
        learning_rate: of gradient descent.
    """

    name: ClassVar[str] = "walk-distances"

    starts: int = attrs.field(default=1, validator=whole(low=1))
    steps: int = attrs.field(default=9, validator=whole(low=1))
    hidden: int = attrs.field(default=100, validator=whole(low=1))
    iterations: int = attrs.field(default=1000, validator=whole(low=1))
    learning_rate: float = attrs.field(default=0.1, validator=number(low=0, open_low=True))

    def module(self, q: int, k: int) -> nn.Module:
        """Return the network, not yet fitted."""
        return WalkRegressor(self.starts, self.steps, self.hidden)

    def fit_module(
        self, module: nn.Module, answers: Tensor, relation: Sequence[Relation], groups: Tensor, *, seed: int
    ) -> None:
        """Raise the mean confidence of the victim and derived models over that of independent ones."""
        assert isinstance(module, WalkRegressor)
        distances = module.distances(answers.flatten(0, 1))
        deviation, mean = torch.std_mean(distances, dim=(0, 1), correction=0)
        module.mean.copy_(mean)
        # where a walk is equally long for all, the length of another model's must not count a million times
        module.deviation.copy_(torch.where(deviation > _NOISE, deviation, 1.0))
        made = torch.tensor([kind != "independent" for kind in relation]).repeat_interleave(answers.shape[1])
        optimizer = torch.optim.SGD(module.layers.parameters(), lr=self.learning_rate)
        for _ in range(self.iterations):
            confidence = module.confidence(distances)
            optimizer.zero_grad(set_to_none=True)
            (confidence[~made].mean() - confidence[made].mean()).backward()
            optimizer.step()
        module.set_scale(answers, relation)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the encoder."""
    return [WalkDistances]
