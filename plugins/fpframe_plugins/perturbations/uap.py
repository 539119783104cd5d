"""`uap`: one perturbation for all images, by stochastic gradient ascent.

Follows "Universal Adversarial Training" (Shafahi et al., AAAI 2020). It gives what the fingerprint of Peng et al. (CVPR
2022) needs: a direction in which the victim's decisions change for many images at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe import Classifier, Perturbation, PerturbationGenerator, References
from fpframe.models import Pixels, gathered
from fpframe.parameters import epsilon_pixels, number, whole

#: Images that are asked at once, as a classifier asks them.
_TOGETHER = 512


@attrs.frozen(kw_only=True)
class Uap(PerturbationGenerator):
    """Raise the share of images on which the model changes its mind, by signed gradient steps on minibatches.

    What is minimised is the probability of the class that the model itself predicts for the clean image. Shafahi et al.
    clamp the cross-entropy, so that a few images that are fooled anyway do not own the gradient; a probability is
    bounded without a clamp, is the smooth form of the share of images that are not fooled, and in experiments fooled
    more.

    Attributes:
        epsilon: bound on every element of delta, in pixel units.
        steps: gradient steps, one minibatch each.
        batch_size: images per step. Small batches escape the poor optima in which large ones stay.
        step_size: change of a pixel in the first step, in pixel units; it falls to zero along a cosine.
        momentum: share of the former direction that is kept in each step.
        target: fooling rate on the given images from which on the result counts as converged.
    """

    name: ClassVar[str] = "uap"
    streams: ClassVar[bool] = True
    scope = "universal"
    norm = "linf"

    epsilon: float = attrs.field(default=0.1, validator=epsilon_pixels)
    steps: int = attrs.field(default=1000, validator=whole(low=1))
    batch_size: int = attrs.field(default=16, validator=whole(low=1))
    step_size: float = attrs.field(default=0.05, validator=number(low=0, open_low=True))
    momentum: float = attrs.field(default=0.8, validator=number(low=0, high=1))
    target: float = attrs.field(default=0.5, validator=number(low=0, high=1))

    @classmethod
    def for_checks(cls) -> Self:
        """Return it with few steps."""
        return cls(steps=40)

    def generate(
        self, model: Classifier, x: Tensor | Pixels, labels: Tensor, *, references: References | None, seed: int
    ) -> Perturbation:
        """Return delta ``(1, C, H, W)``; `labels` are not used, for it is the model's own answers that must change."""
        predicted = model.labels(x)
        delta = torch.empty(1, *x.shape[1:]).uniform_(-self.epsilon / 2, self.epsilon / 2)
        direction = torch.zeros_like(delta)
        batches = minibatches(len(x), self.batch_size)
        for step in range(self.steps):
            chosen = next(batches)
            gradient = ascent_direction(model, x[chosen], predicted[chosen], delta)
            # batches differ in scale by orders of magnitude; without this the first confident ones own the momentum
            direction = self.momentum * direction + gradient / gradient.abs().mean().clamp_min(1e-12)
            size = self.step_size * (1 + math.cos(math.pi * step / self.steps)) / 2
            delta = (delta + size * direction.sign()).clamp(-self.epsilon, self.epsilon)
        rate = fooling_rate(model, x, predicted, delta)
        return Perturbation(delta=delta, converged=torch.tensor([rate >= self.target and rate > 0]), steps=self.steps)


def minibatches(count: int, size: int) -> Iterator[Tensor]:
    """Yield indices of minibatches for ever, in a new order for each pass, from the global generator."""
    while True:
        yield from torch.randperm(count).split(size)


def ascent_direction(model: Classifier, x: Tensor, predicted: Tensor, delta: Tensor) -> Tensor:
    """Return the gradient ``(1, C, H, W)`` of the mean probability of leaving the predicted class."""
    delta = delta.to(model.device).requires_grad_(True)
    probabilities = model((x.to(model.device) + delta).clamp(0, 1)).softmax(1)
    kept = probabilities.gather(1, predicted.to(model.device).unsqueeze(1)).mean()
    # the zero ties delta into the graph of a model that ignores its input
    (gradient,) = torch.autograd.grad(0 * delta.sum() - kept, delta)
    return gradient.cpu().nan_to_num(0, 0, 0)


def fooling_rate(model: Classifier, x: Tensor | Pixels, predicted: Tensor, delta: Tensor) -> float:
    """Return the share of images ``(N, C, H, W)`` that leave their predicted class ``(N,)`` under `delta`."""
    moved = gathered(len(x), (model.labels((batch + delta).clamp(0, 1)) for batch in x.split(_TOGETHER)))
    return float((moved != predicted).double().mean())


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `uap`."""
    return [Uap]
