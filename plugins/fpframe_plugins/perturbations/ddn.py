"""`ddn`: for each image a short perturbation that changes its label, with direction and norm decoupled.

From "Decoupling direction and norm for efficient gradient-based L2 adversarial attacks and defenses" (Rony et al., CVPR
2019), algorithm 1; untargeted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

import attrs
import torch
from torch import Tensor, nn

import fpframe
from fpframe import Classifier, Perturbation, PerturbationGenerator, References
from fpframe.parameters import number, one_of, whole
from fpframe_plugins.perturbations._escaping import escape_gradient, lengths, of_length, perturb_predictions


@attrs.frozen(kw_only=True)
class Ddn(PerturbationGenerator):
    """Walk along the boundary on a sphere that shrinks behind it and grows before it; the L2 norm has no bound.

    Attributes:
        steps: gradient steps for each image.
        gamma: share by which the norm is changed in each step.
        first_norm: L2 norm of the first delta, in pixel units.
        rounding: ``8-bit``, as in the paper, seeks among the images that can be asked; ``none`` among all.
    """

    name: ClassVar[str] = "ddn"
    scope = "local"
    norm = "l2"
    expected_failures: ClassVar[Mapping[str, str]] = {
        "another_seed_gives_another_result": "a direction is drawn only for images on which the model has no slope"
    }
    revision: ClassVar[int] = 2  # random directions are drawn for flat images only

    steps: int = attrs.field(default=100, validator=whole(low=1))
    gamma: float = attrs.field(default=0.05, validator=number(low=0, high=0.99, open_low=True))
    first_norm: float = attrs.field(default=1.0, validator=number(low=0, open_low=True))
    rounding: str = attrs.field(default="8-bit", validator=one_of("8-bit", "none"))

    def generate(
        self, model: Classifier, x: Tensor, labels: Tensor, *, references: References | None, seed: int
    ) -> Perturbation:
        """Return deltas ``(N, C, H, W)``; `labels` are not used, for it is the model's own answers that must change."""
        eight_bit = self.rounding == "8-bit"
        return perturb_predictions(
            model,
            x,
            partial(ddn_l2, steps=self.steps, gamma=self.gamma, first_norm=self.first_norm, eight_bit=eight_bit),
        )


def ddn_l2(
    model: nn.Module,
    x: Tensor,
    *,
    labels: Tensor,
    steps: int = 100,
    gamma: float = 0.05,
    first_norm: float = 1.0,
    eight_bit: bool = False,
) -> tuple[Tensor, Tensor, int]:
    """Return for each image the shortest delta found under which its label changes.

    Args:
        model: maps pixels to logits ``(N, K)``; in evaluation mode with frozen weights.
        x: pixels ``(N, C, H, W)`` in [0, 1] on the model's device.
        labels: the labels ``(N,)`` to leave. An image that has another label already gets zeros.
        steps: gradient steps.
        gamma: share by which the norm is changed in each step.
        first_norm: L2 norm of the first delta, in pixel units.
        eight_bit: whether ``x + delta`` is rounded to 8-bit images in each step.

    Returns:
        delta ``(N, C, H, W)`` in pixel units, with ``x + delta`` in [0, 1], zeros where none was found; whether one was
        found, bool ``(N,)``; and the number of steps that it took.
    """
    delta, best = torch.zeros_like(x), torch.zeros_like(x)
    # no delta inside the box is longer
    shortest = farthest = lengths(torch.maximum(x, 1 - x))
    norms = torch.full_like(farthest, first_norm)
    found = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    for step in range(steps):
        gradient, changed = escape_gradient(model, x + delta, labels)
        length = lengths(delta)
        better = changed & (~found | (length < shortest).flatten())
        found = found | changed
        best[better] = delta[better]
        shortest = torch.where(better.reshape(-1, 1, 1, 1), length, shortest)
        # a model that is flat here shows no direction
        flat = ~gradient.flatten(1).any(1)
        if bool(flat.any()):
            gradient[flat] = torch.randn(int(flat.sum()), *x.shape[1:]).to(x.device)
        size = 0.01 + 0.99 * (1 + math.cos(math.pi * step / steps)) / 2
        norms = torch.minimum(norms * torch.where(changed, 1 - gamma, 1 + gamma).reshape(-1, 1, 1, 1), farthest)
        moved = (x + of_length(delta + of_length(gradient, size), norms)).clamp(0, 1)
        delta = (moved * 255).round() / 255 - x if eight_bit else moved - x
    return best, found, steps


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `ddn`."""
    return [Ddn]
