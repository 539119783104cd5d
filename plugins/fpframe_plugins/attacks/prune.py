"""Attack ``prune``: set the smallest weights of a stolen model to zero."""

from __future__ import annotations

from typing import ClassVar, Literal

import attrs
import torch

import fpframe
from fpframe import AttackContext, Classifier, Images, Query
from fpframe.parameters import number
from fpframe_plugins.attacks._layers import put_back, weights_of


@attrs.frozen(kw_only=True)
class Prune(fpframe.AttackSimulator):
    """Set the weights of smallest magnitude to zero, without any training (Han et al., NeurIPS 2015).

    The weights of all linear layers and convolutions are ranked together, so that layers with many small weights lose
    more. Biases and normalisation stay. What is zero already counts towards the ratio.

    Attributes:
        ratio: share of those weights that are zero afterwards, rounded to a whole number of weights.
    """

    name: ClassVar[str] = "prune"
    access: ClassVar[Literal["weights", "probs", "labels"]] = "weights"
    ratio: float = attrs.field(default=0.4, validator=number(low=0, high=0.999))

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def image_passes(self, available: int, epochs: int) -> float:
        """Return zero: nothing is learned."""
        return 0

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the pruned student.

        Raises:
            ModelError: there is no weight to prune.
        """
        weights = list(weights_of(student.module).values())
        sizes = torch.cat([weight.detach().abs().flatten().cpu() for weight in weights])
        # counted and not compared with a threshold: equal weights would make the share inexact
        smallest = sizes.argsort(stable=True)[: round(self.ratio * len(sizes))]
        mask = torch.zeros(len(sizes), dtype=torch.bool)
        mask[smallest] = True
        parts = mask.split([weight.numel() for weight in weights])
        masks = [part.reshape(weight.shape).to(weight.device) for weight, part in zip(weights, parts, strict=True)]
        put_back(list(zip(weights, masks, strict=True)))()
        return student.eval()


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [Prune]
