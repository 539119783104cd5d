"""`none`: no perturbation, for schemes that send natural images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe import Classifier, Perturbation, PerturbationGenerator, References
from fpframe.models import Pixels


@attrs.frozen(kw_only=True)
class NoPerturbation(PerturbationGenerator):
    """Leave the query points as they are."""

    name: ClassVar[str] = "none"
    streams: ClassVar[bool] = True
    scope = "universal"
    norm = "linf"
    needs_gradients: ClassVar[bool] = False

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def generate(
        self, model: Classifier, x: Tensor | Pixels, labels: Tensor, *, references: References | None, seed: int
    ) -> Perturbation:
        """Return a delta ``(1, C, H, W)`` of zeros."""
        return Perturbation(delta=torch.zeros(1, *x.shape[1:]), converged=torch.tensor([True]), steps=0)


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `none`."""
    return [NoPerturbation]
