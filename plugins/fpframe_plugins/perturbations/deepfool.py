"""`deepfool`: for each image the shortest way over the victim's decision boundary.

From "DeepFool: a simple and accurate method to fool deep neural networks" (Moosavi-Dezfooli et al., CVPR 2016). It is
the local adversarial perturbation with which Peng et al. (CVPR 2022) compare their universal one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import attrs
from torch import Tensor

import fpframe
from fpframe import Classifier, Perturbation, PerturbationGenerator, References
from fpframe.parameters import number, whole
from fpframe_plugins.perturbations._deepfool import deepfool_l2
from fpframe_plugins.perturbations._escaping import perturb_predictions


@attrs.frozen(kw_only=True)
class Deepfool(PerturbationGenerator):
    """Step to the nearest boundary of the linearised model until the label changes; the L2 norm has no bound.

    The result lies just behind the boundary. Queries are 8-bit images, for which delta is truncated towards zero, and
    that pulls many points back over it, the more the smaller delta is: raise `overshoot` where they have to stay.

    Attributes:
        steps: linearisations for each image at most.
        overshoot: share by which each step goes past the boundary that it sees. The paper has 0.02.
        classes: how many of the likeliest classes are looked at; each costs one gradient a step.
    """

    name: ClassVar[str] = "deepfool"
    scope = "local"
    norm = "l2"

    steps: int = attrs.field(default=50, validator=whole(low=1))
    overshoot: float = attrs.field(default=0.02, validator=number(low=0))
    classes: int = attrs.field(default=10, validator=whole(low=2))

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def generate(
        self, model: Classifier, x: Tensor, labels: Tensor, *, references: References | None, seed: int
    ) -> Perturbation:
        """Return deltas ``(N, C, H, W)``; `labels` are not used, for it is the model's own answers that must change."""
        attack = partial(deepfool_l2, steps=self.steps, overshoot=self.overshoot, classes=self.classes)
        return perturb_predictions(model, x, attack)


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `deepfool`."""
    return [Deepfool]
