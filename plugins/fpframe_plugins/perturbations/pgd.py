"""`pgd`: for each image the strongest perturbation in an L-infinity ball.

From "Towards deep learning models resistant to adversarial attacks" (Madry et al., ICLR 2018); untargeted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe import Classifier, Perturbation, PerturbationGenerator, References
from fpframe.parameters import epsilon_pixels, number, whole
from fpframe_plugins.perturbations._escaping import perturb_predictions
from fpframe_plugins.perturbations._pgd import ascend


@attrs.frozen(kw_only=True)
class Pgd(PerturbationGenerator):
    """Raise the odds against the predicted label by signed gradient steps from a random start.

    Attributes:
        epsilon: bound on every element of delta, in pixel units.
        steps: gradient steps for each image at most.
        step_size: change of a pixel in one step, as a share of epsilon. The default is 2.5 / 40, which lets a pixel
            cross the ball from any start in the 40 steps.
        random_start: size of the ball that starts are drawn from, as a share of epsilon; 0 starts at the image.
    """

    name: ClassVar[str] = "pgd"
    scope = "local"
    norm = "linf"

    epsilon: float = attrs.field(default=0.1, validator=epsilon_pixels)
    steps: int = attrs.field(default=40, validator=whole(low=1))
    step_size: float = attrs.field(default=0.0625, validator=number(low=0, open_low=True))
    random_start: float = attrs.field(default=1.0, validator=number(low=0, high=1))

    def generate(
        self, model: Classifier, x: Tensor, labels: Tensor, *, references: References | None, seed: int
    ) -> Perturbation:
        """Return deltas ``(N, C, H, W)``; `labels` are not used, for it is the model's own answers that must change."""
        return perturb_predictions(
            model, x, partial(ascend, start=self._start, step=self._step, project=self._project, steps=self.steps)
        )

    def _start(self, x: Tensor) -> Tensor:
        # drawn on the CPU, where the caller has seeded
        return self.random_start * self.epsilon * (2 * torch.rand(x.shape) - 1).to(x.device)

    def _step(self, gradient: Tensor) -> Tensor:
        return self.step_size * self.epsilon * gradient.sign()

    def _project(self, delta: Tensor) -> Tensor:
        return delta.clamp(-self.epsilon, self.epsilon)


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `pgd`."""
    return [Pgd]
