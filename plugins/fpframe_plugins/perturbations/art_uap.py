"""`art-uap`: one perturbation for all images, by the code of the Adversarial Robustness Toolbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe import Classifier, Perturbation, PerturbationGenerator, References
from fpframe.parameters import epsilon_pixels, number, whole
from fpframe_plugins._art import art, estimator


@attrs.frozen(kw_only=True)
class ArtUap(PerturbationGenerator):
    """Let ART's ``UniversalPerturbation`` gather DeepFool steps, image by image. Needs ``fpframe[art]``.

    From "Universal adversarial perturbations" (Moosavi-Dezfooli et al., CVPR 2017). Unlike `uap-deepfool`, ART takes
    one image at a time, and returns what the last pass left, not the best. It takes for the new delta what an image
    was moved by after it was clipped, so that delta is lost where an image is black or white: on such images it fools
    fewer than `uap-deepfool`.

    Attributes:
        epsilon: bound on every element of delta, in pixel units.
        target: fooling rate on the images used at which the passes stop and the result counts as converged.
        passes: passes over the images at most.
        images: images used, drawn from those given; time grows with them.
        steps: DeepFool steps on each image at most.
        overshoot: share by which the way of DeepFool goes past the boundary. With ART's own default of 1e-6 few labels
            change, and what changes no label is not added.
        classes: how many of the likeliest classes DeepFool looks at.
    """

    name: ClassVar[str] = "art-uap"
    scope = "universal"
    norm = "linf"

    epsilon: float = attrs.field(default=0.1, validator=epsilon_pixels)
    target: float = attrs.field(default=0.8, validator=number(low=0, high=1))
    passes: int = attrs.field(default=20, validator=whole(low=1))
    images: int = attrs.field(default=500, validator=whole(low=1))
    steps: int = attrs.field(default=100, validator=whole(low=1))
    overshoot: float = attrs.field(default=0.02, validator=number(low=0))
    classes: int = attrs.field(default=10, validator=whole(low=2))

    @classmethod
    def for_checks(cls) -> Self:
        """Return it with few passes and steps."""
        return cls(passes=1, steps=5)

    def generate(
        self, model: Classifier, x: Tensor, labels: Tensor, *, references: References | None, seed: int
    ) -> Perturbation:
        """Return delta ``(1, C, H, W)``; `labels` are not used, for it is the model's own answers that must change.

        Raises:
            UsageError: ART is not installed.
        """
        deepfool = {
            "max_iter": self.steps, "epsilon": float(self.overshoot), "nb_grads": self.classes, "verbose": False,
        }  # fmt: skip
        attack = art("attacks.evasion", self.name).UniversalPerturbation(
            estimator(model, self.name), attacker="deepfool", attacker_params=deepfool, delta=1 - self.target,
            max_iter=self.passes, eps=float(self.epsilon), verbose=False,
        )  # fmt: skip
        attack.generate(x[torch.randperm(len(x))[: self.images]].numpy())
        rate = float(attack.fooling_rate)
        noise = torch.from_numpy(attack.noise)
        # ART calls a result that is reached in the last pass not converged
        return Perturbation(delta=noise, converged=torch.tensor([rate >= self.target and rate > 0]), steps=self.passes)


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `art-uap`."""
    return [ArtUap]
