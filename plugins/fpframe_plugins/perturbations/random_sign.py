"""`random-sign`: the control that every adversarial perturbation has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe import Classifier, Perturbation, PerturbationGenerator, References
from fpframe.models import Pixels
from fpframe.parameters import epsilon_pixels


@attrs.frozen(kw_only=True)
class RandomSign(PerturbationGenerator):
    """Add plus or minus epsilon to each pixel by a coin, the same for all images, without looking at the model.

    It has the L-infinity norm of a universal adversarial perturbation and nothing of the model in it. A score that it
    reaches too was not earned by the perturbation.

    Attributes:
        epsilon: size of every element of delta, in pixel units.
    """

    name: ClassVar[str] = "random-sign"
    streams: ClassVar[bool] = True
    scope = "universal"
    norm = "linf"
    needs_gradients: ClassVar[bool] = False

    epsilon: float = attrs.field(default=0.1, validator=epsilon_pixels)

    def generate(
        self, model: Classifier, x: Tensor | Pixels, labels: Tensor, *, references: References | None, seed: int
    ) -> Perturbation:
        """Return delta ``(1, C, H, W)``; it has no aim to miss, so it has always converged."""
        coin = torch.randint(2, (1, *x.shape[1:]), dtype=torch.float32)
        return Perturbation(delta=self.epsilon * (2 * coin - 1), converged=torch.tensor([True]), steps=0)


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `random-sign`."""
    return [RandomSign]
