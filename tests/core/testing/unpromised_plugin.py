"""A plugin that rests on what nobody has promised."""

from __future__ import annotations

from typing import Any

import attrs
import torch

import fpframe
from fpframe.models.queryset import grid_steps
from fpframe.parameters import epsilon_pixels
from fpframe.rng import generator


@attrs.frozen(kw_only=True)
class Trusting(fpframe.PerturbationGenerator):
    """Random signs.

    Attributes:
        epsilon: size of every element, in pixel units.
    """

    name = "trusting"
    scope = "universal"
    epsilon: float = attrs.field(default=0.1, validator=epsilon_pixels)

    def generate(self, model: Any, x: Any, labels: Any, *, references: Any, seed: int) -> fpframe.Perturbation:
        """Return delta (1, C, H, W)."""
        signs = torch.randint(2, (1, *x.shape[1:]), generator=generator(seed, "signs")).float() * 2 - 1
        delta = grid_steps(self.epsilon * signs) / 255
        return fpframe.Perturbation(delta=delta, converged=torch.tensor([True]), steps=0)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer it."""
    return [Trusting]
