"""`cw`: for each image a short perturbation that changes its label, by the attack of Carlini and Wagner.

From "Towards evaluating the robustness of neural networks" (Carlini and Wagner, IEEE S&P 2017), the L2 attack;
untargeted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar, Self

import attrs
from torch import Tensor

import fpframe
from fpframe import Classifier, Perturbation, PerturbationGenerator, References
from fpframe.parameters import flag, number, whole
from fpframe_plugins.perturbations._cw import cw_l2
from fpframe_plugins.perturbations._escaping import perturb_predictions


@attrs.frozen(kw_only=True)
class Cw(PerturbationGenerator):
    """Weigh the length of delta against the logits by a constant that is sought for each image; L2 has no bound.

    The result lies just behind the boundary. Queries are 8-bit images, for which delta is truncated towards zero, and
    that pulls many points back over it: raise `confidence` where they have to stay. Slow: it takes up to
    `searches * steps` gradients for each image.

    Attributes:
        confidence: how far another logit must exceed that of the label that is left.
        learning_rate: step size of Adam.
        initial_constant: weight of the logits in the first search; it is raised tenfold until the label changes.
        searches: binary search steps for the constant. The paper has 9.
        steps: gradient steps in each search at most. The paper has 10 000.
        abort_early: whether an image leaves a search when twice a tenth of the steps has not lowered its loss.
    """

    name: ClassVar[str] = "cw"
    scope = "local"
    norm = "l2"

    confidence: float = attrs.field(default=0.0, validator=number(low=0))
    learning_rate: float = attrs.field(default=0.01, validator=number(low=0, open_low=True))
    initial_constant: float = attrs.field(default=0.001, validator=number(low=0, open_low=True))
    searches: int = attrs.field(default=9, validator=whole(low=1))
    steps: int = attrs.field(default=1000, validator=whole(low=1))
    abort_early: bool = attrs.field(default=True, validator=flag)

    @classmethod
    def for_checks(cls) -> Self:
        """Return it with few searches of few steps."""
        return cls(searches=3, steps=30)

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def generate(
        self, model: Classifier, x: Tensor, labels: Tensor, *, references: References | None, seed: int
    ) -> Perturbation:
        """Return deltas ``(N, C, H, W)``; `labels` are not used, for it is the model's own answers that must change."""
        attack = partial(
            cw_l2,
            confidence=self.confidence,
            learning_rate=self.learning_rate,
            initial_constant=self.initial_constant,
            searches=self.searches,
            steps=self.steps,
            abort_early=self.abort_early,
        )
        return perturb_predictions(model, x, attack)


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `cw`."""
    return [Cw]
