"""`uap-deepfool`: one perturbation for all images, gathered from DeepFool steps.

From "Universal adversarial perturbations" (Moosavi-Dezfooli et al., CVPR 2017), algorithm 1, with a batch of images in
the place of a single one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe import Classifier, Perturbation, PerturbationGenerator, References
from fpframe.models import Pixels, some_pixels
from fpframe.parameters import epsilon_pixels, number, whole
from fpframe_plugins.perturbations._deepfool import deepfool_l2
from fpframe_plugins.perturbations.uap import fooling_rate


@attrs.frozen(kw_only=True)
class UapDeepfool(PerturbationGenerator):
    """Add up minimum perturbations of the images that are not yet fooled, and project, until enough of them are.

    Attributes:
        epsilon: bound on every element of delta, in pixel units.
        target: fooling rate on the images used at which the passes stop and the result counts as converged.
        passes: passes over the images at most.
        images: images used, drawn from those given; few are enough, and time grows with them.
        batch_size: images that add their perturbations at once. Larger batches are faster and less exact, since no
            image sees what the others of its batch have added.
        steps: DeepFool steps on each image at most; images that need more add nothing.
        overshoot: share by which each DeepFool step goes past the boundary.
        classes: how many of the likeliest classes DeepFool looks at.
    """

    name: ClassVar[str] = "uap-deepfool"
    streams: ClassVar[bool] = True
    scope = "universal"
    norm = "linf"

    epsilon: float = attrs.field(default=0.1, validator=epsilon_pixels)
    target: float = attrs.field(default=0.8, validator=number(low=0, high=1))
    passes: int = attrs.field(default=5, validator=whole(low=1))
    images: int = attrs.field(default=500, validator=whole(low=1))
    batch_size: int = attrs.field(default=16, validator=whole(low=1))
    steps: int = attrs.field(default=10, validator=whole(low=1))
    overshoot: float = attrs.field(default=0.02, validator=number(low=0))
    classes: int = attrs.field(default=10, validator=whole(low=2))

    def generate(
        self, model: Classifier, x: Tensor | Pixels, labels: Tensor, *, references: References | None, seed: int
    ) -> Perturbation:
        """Return delta ``(1, C, H, W)``; `labels` are not used, for it is the model's own answers that must change."""
        x = some_pixels(x, torch.randperm(len(x))[: self.images])
        predicted = model.labels(x)
        delta = torch.zeros(1, *x.shape[1:])
        best, best_rate, done = delta, 0.0, 0
        while done < self.passes and (best_rate < self.target or best_rate == 0):
            done += 1
            for chosen in torch.randperm(len(x)).split(self.batch_size):
                delta = (delta + self._addition(model, x[chosen], predicted[chosen], delta)).clamp(
                    -self.epsilon, self.epsilon
                )
            rate = fooling_rate(model, x, predicted, delta)
            # passes do not always gain: the projection undoes a part of what each one adds
            if rate >= best_rate:
                best, best_rate = delta, rate
        return Perturbation(
            delta=best, converged=torch.tensor([best_rate >= self.target and best_rate > 0]), steps=done
        )

    def _addition(self, model: Classifier, x: Tensor, predicted: Tensor, delta: Tensor) -> Tensor:
        """Return what the images of one batch that are not yet fooled ask for, ``(1, C, H, W)``."""
        moved = (x + delta).clamp(0, 1)
        staying = model.logits(moved).argmax(1) == predicted
        if not bool(staying.any()):
            return torch.zeros_like(delta)
        more, changed, _ = deepfool_l2(
            model,
            moved[staying].to(model.device),
            labels=predicted[staying].to(model.device),
            steps=self.steps,
            overshoot=self.overshoot,
            classes=self.classes,
        )
        return more[changed].sum(0, keepdim=True).cpu()


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `uap-deepfool`."""
    return [UapDeepfool]
