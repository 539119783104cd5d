"""`art-deepfool`: DeepFool, by the code of the Adversarial Robustness Toolbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe import Classifier, Perturbation, PerturbationGenerator, References
from fpframe.parameters import number, whole
from fpframe_plugins._art import art, estimator


@attrs.frozen(kw_only=True)
class ArtDeepfool(PerturbationGenerator):
    """Let ART's ``DeepFool`` step to the nearest boundary until the label changes. Needs ``fpframe[art]``.

    From "DeepFool: a simple and accurate method to fool deep neural networks" (Moosavi-Dezfooli et al., CVPR 2016).
    Unlike `deepfool`, ART lengthens the whole way at the end, and not each step; it adds nothing to a step, so that
    its steps shrink before a boundary.

    Attributes:
        steps: linearisations for each image at most.
        overshoot: share by which the whole way goes past the boundary. The paper has 0.02.
        classes: how many of the likeliest classes are looked at.
        batch_size: images at once.
    """

    name: ClassVar[str] = "art-deepfool"
    scope = "local"
    norm = "l2"

    steps: int = attrs.field(default=100, validator=whole(low=1))
    overshoot: float = attrs.field(default=0.02, validator=number(low=0))
    classes: int = attrs.field(default=10, validator=whole(low=2))
    batch_size: int = attrs.field(default=64, validator=whole(low=1))

    @classmethod
    def for_checks(cls) -> Self:
        """Return it with few steps."""
        return cls(steps=10)

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def generate(
        self, model: Classifier, x: Tensor, labels: Tensor, *, references: References | None, seed: int
    ) -> Perturbation:
        """Return deltas ``(N, C, H, W)``; `labels` are not used, for it is the model's own answers that must change.

        Raises:
            UsageError: ART is not installed.
        """
        attack = art("attacks.evasion", self.name).DeepFool(
            estimator(model, self.name), max_iter=self.steps, epsilon=float(self.overshoot), nb_grads=self.classes,
            batch_size=self.batch_size, verbose=False,
        )  # fmt: skip
        moved = torch.from_numpy(attack.generate(x.numpy()))
        changed = model.labels(moved) != model.labels(x)
        return Perturbation(delta=moved - x, converged=changed, steps=self.steps)


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `art-deepfool`."""
    return [ArtDeepfool]
