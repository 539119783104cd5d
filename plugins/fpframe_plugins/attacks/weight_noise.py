"""Attack ``weight-noise``: blur the weights of a stolen model."""

from __future__ import annotations

from typing import ClassVar, Literal

import attrs
import torch

import fpframe
from fpframe import AttackContext, Classifier, Images, Query
from fpframe.parameters import number
from fpframe.rng import generator
from fpframe_plugins.attacks._layers import weights_of


@attrs.frozen(kw_only=True)
class WeightNoise(fpframe.AttackSimulator):
    """Add Gaussian noise to the weights of all linear layers and convolutions, without any training.

    The cheapest change that touches every weight; biases and normalisation stay.

    Attributes:
        level: standard deviation of the noise, in standard deviations of the weights of the same layer.
    """

    name: ClassVar[str] = "weight-noise"
    access: ClassVar[Literal["weights", "probs", "labels"]] = "weights"
    level: float = attrs.field(default=0.05, validator=number(low=0))

    @property
    def deterministic(self) -> bool:
        """Whether nothing is drawn by chance: no noise is none for every seed."""
        return self.level == 0

    def image_passes(self, available: int, epochs: int) -> float:
        """Return zero: nothing is learned."""
        return 0

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the student with noise on its weights.

        Raises:
            ModelError: there is no weight to change.
        """
        with torch.no_grad():
            for layer, weight in weights_of(student.module).items():
                noise = torch.randn(weight.shape, generator=generator(seed, "noise", layer)).to(weight.device)
                weight.add_(self.level * weight.std(correction=0) * noise)
        return student.eval()


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [WeightNoise]
