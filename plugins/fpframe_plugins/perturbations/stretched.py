"""`stretched`: each image moved past the victim's boundary, as far as derived models follow and others do not.

After "Fingerprinting Deep Neural Networks for Ownership Protection: An Analytical Approach" (AnaFP; Yang et al.,
ICLR 2026).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe import Classifier, Perturbation, PerturbationGenerator, References
from fpframe.parameters import number, whole
from fpframe_plugins.perturbations._asked import as_asked
from fpframe_plugins.perturbations._deepfool import deepfool_l2
from fpframe_plugins.perturbations._escaping import perturb_predictions


@attrs.frozen(kw_only=True)
class Stretched(PerturbationGenerator):
    """Multiply the shortest perturbation that changes the label by a factor, sought for each image on a grid.

    A factor is admissible where the 8-bit image has the new label on the victim, on at least a share `robust` of the
    derived models of the fit split, and on no more than ``1 - unique`` of the independent ones. Such factors are
    between a lower bound, from which modified copies follow, and an upper one, from which others do too. Of the grid
    the factor is taken that keeps both shares furthest above their bounds, and of equal ones the middle one. An image
    has converged where that is admissible. All images are asked, also those that have no such factor.

    AnaFP derives its bounds from margins and Lipschitz constants, and relaxes them by quantiles over two pools of
    models; here the shares themselves are counted. Only its abstract and public reviews of it were at hand, which speak
    of targeted C&W in 3000 steps, and of 500 factors; here the shortest way is DeepFool's, and all defaults were
    chosen. The reviews say too that it begins with images of which the victim is sure, as the scheme `anafp` does.

    Asking M references costs M forward passes of ``N * factors`` images, of which about four tables are in memory:
    ``16 * N * factors * C * H * W`` bytes.

    Attributes:
        factors: factors on the grid.
        most: the largest factor; the smallest is 1.
        robust: share of derived models that are to give the new label.
        unique: share of independent models that are not to give it.
        steps: linearisations for each image at most.
    """

    name: ClassVar[str] = "stretched"
    scope = "local"
    norm = "l2"
    needs_references = True

    factors: int = attrs.field(default=24, validator=whole(low=2))
    most: float = attrs.field(default=6.0, validator=number(low=1, open_low=True))
    robust: float = attrs.field(default=0.8, validator=number(low=0, high=1))
    unique: float = attrs.field(default=0.8, validator=number(low=0, high=1))
    steps: int = attrs.field(default=50, validator=whole(low=1))

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def generate(
        self, model: Classifier, x: Tensor, labels: Tensor, *, references: References | None, seed: int
    ) -> Perturbation:
        """Return deltas ``(N, C, H, W)``; `labels` are not used, for it is the model's own answers that must change.

        Raises:
            DataError: there is no derived or no independent model to learn from.
        """
        if references is None or not len(references.derived) or not len(references.independent):
            raise fpframe.DataError(
                f"'{self.name}' seeks how far to go by models made from the victim and by independent ones, and has "
                "none of one kind; give the recipe 'fit' models under [[derived]] and [[independent]]"
            )
        shortest = perturb_predictions(model, x, partial(deepfool_l2, steps=self.steps))
        new = model.logits((x + shortest.delta).clamp(0, 1)).argmax(1)
        grid = torch.linspace(1, self.most, self.factors).reshape(-1, 1, 1, 1, 1)
        deltas = torch.stack([as_asked(x, delta) for delta in (x + grid * shortest.delta).clamp(0, 1) - x])
        asked = (x + deltas).flatten(0, 1)
        wanted = new.repeat(self.factors)
        derived, independent = (
            given.float().mean(0).unflatten(0, (self.factors, -1))
            for given in references.reduced(asked, lambda answers: answers.argmax(1) == wanted)
        )
        ours = (model.logits(asked).argmax(1) == wanted).unflatten(0, (self.factors, -1))
        slack = self.slack(ours & shortest.converged, derived, independent)
        best = middle_of_best(slack)
        rows = torch.arange(len(x))
        return Perturbation(delta=deltas[best, rows], converged=slack[best, rows] >= 0, steps=shortest.steps)

    def slack(self, ours: Tensor, derived: Tensor, independent: Tensor) -> Tensor:
        """Return by how much both shares are above their bounds, ``(T, N)`` for T factors; negative if one is not.

        Args:
            ours: where the victim gives the new label ``(T, N)``.
            derived: share of derived models that do.
            independent: share of independent models that do.
        """
        # a share that is a bound exactly is admissible in spite of float32
        least = torch.minimum(derived - self.robust, 1 - independent - self.unique) + 1e-6
        return torch.where(ours, least, -1.0)


def middle_of_best(slack: Tensor) -> Tensor:
    """Return the row ``(N,)`` of the largest element of each column ``(T, N)``, the middle one of equal ones."""
    best = slack == slack.amax(0)
    count = best.sum(0)
    return (best & (best.cumsum(0) == (count + 1) // 2)).float().argmax(0)


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `stretched`."""
    return [Stretched]
