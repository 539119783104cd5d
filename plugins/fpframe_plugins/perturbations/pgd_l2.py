"""`pgd-l2`: for each image the strongest perturbation in an L2 ball.

From "Towards deep learning models resistant to adversarial attacks" (Madry et al., ICLR 2018); untargeted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe import Classifier, Perturbation, PerturbationGenerator, References
from fpframe.parameters import number, whole
from fpframe_plugins.perturbations._escaping import lengths, of_length, perturb_predictions
from fpframe_plugins.perturbations._pgd import ascend


@attrs.frozen(kw_only=True)
class PgdL2(PerturbationGenerator):
    """Raise the odds against the predicted label by normalised gradient steps from a random start.

    Attributes:
        epsilon: bound on the L2 norm of each delta, in pixel units; below sqrt(C * H * W).
        steps: gradient steps for each image at most.
        step_size: length of one step, as a share of epsilon. The default is 2.5 / 40, which lets a delta cross the ball
            from any start in the 40 steps.
        random_start: size of the ball that starts are drawn from, as a share of epsilon; 0 starts at the image.
    """

    name: ClassVar[str] = "pgd-l2"
    scope = "local"
    norm = "l2"

    epsilon: float = attrs.field(default=1.0, validator=number(low=0, open_low=True))
    steps: int = attrs.field(default=40, validator=whole(low=1))
    step_size: float = attrs.field(default=0.0625, validator=number(low=0, open_low=True))
    random_start: float = attrs.field(default=1.0, validator=number(low=0, high=1))

    def generate(
        self, model: Classifier, x: Tensor, labels: Tensor, *, references: References | None, seed: int
    ) -> Perturbation:
        """Return deltas ``(N, C, H, W)``; `labels` are not used, for it is the model's own answers that must change.

        Raises:
            ParameterError: epsilon is so large that every image is in the ball.
        """
        diagonal = math.sqrt(x[0].numel())
        if self.epsilon >= diagonal:
            raise fpframe.ParameterError(
                f"'epsilon' of '{self.name}' must be in (0, {diagonal:g}) in pixel units for images of shape "
                f"{tuple(x.shape[1:])} (got {self.epsilon!r}); pixels are in [0, 1], not in [0, 255]"
            )
        return perturb_predictions(
            model, x, partial(ascend, start=self._start, step=self._step, project=self._project, steps=self.steps)
        )

    def _start(self, x: Tensor) -> Tensor:
        # uniform in the ball: a radius to the power of the dimension is uniform. Drawn on the CPU, where it is seeded
        radii = torch.rand(len(x), 1, 1, 1) ** (1 / x[0].numel())
        return of_length(torch.randn(x.shape), self.random_start * self.epsilon * radii).to(x.device)

    def _step(self, gradient: Tensor) -> Tensor:
        return of_length(gradient, self.step_size * self.epsilon)

    def _project(self, delta: Tensor) -> Tensor:
        return delta * (self.epsilon / lengths(delta).clamp_min(1e-12)).clamp(max=1)


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `pgd-l2`."""
    return [PgdL2]
