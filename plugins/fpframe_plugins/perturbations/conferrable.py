"""`conferrable`: perturbations whose new label derived models share and independent ones do not.

From "Deep neural network fingerprinting by conferrable adversarial examples" (Lukas, Zhang and Kerschbaum, ICLR 2021),
the conferrable ensemble method (CEM).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import ClassVar

import attrs
from torch import Tensor

import fpframe
from fpframe import Classifier, Perturbation, PerturbationGenerator, References
from fpframe.parameters import epsilon_pixels, number, one_of, whole
from fpframe_plugins._references import held
from fpframe_plugins.perturbations._conferring import Ensemble, confer
from fpframe_plugins.perturbations._escaping import perturb_predictions

#: Images that are perturbed together.
BATCH = 64


@attrs.frozen(kw_only=True)
class Conferrable(PerturbationGenerator):
    """Raise the probability of a new label on derived and lower it on independent models of the fit split.

    An image has converged when, as the 8-bit image that is asked, it is given another label by the victim than before,
    and the share of the chosen derived models that give this label, times the share of the chosen independent ones that
    do not, is at least `conferrability`. All images are asked, also those that have not converged.

    The paper's loss takes the softmax of products of probabilities, which is nearly the same for all classes; where
    models answer with certainty it leaves most labels as they are. The default compares log-probabilities in its place.

    Attributes:
        epsilon: bound on every element of delta, in pixel units.
        loss: ``odds``, the mean log-probability of the new label on the victim and derived models less that on
            independent ones, or ``paper``.
        steps: gradient steps for each image.
        learning_rate: step size of Adam, in pixel units.
        models: how many derived models and how many independent ones are learnt from; all, where there are fewer. They
            are held in memory at once.
        dropout: share of these models that is left out of a step, at random.
        conferrability: the product of shares from which an image counts as converged.
    """

    name: ClassVar[str] = "conferrable"
    scope = "local"
    norm = "linf"
    needs_references = True

    epsilon: float = attrs.field(default=0.15, validator=epsilon_pixels)
    loss: str = attrs.field(default="odds", validator=one_of("odds", "paper"))
    steps: int = attrs.field(default=60, validator=whole(low=1))
    learning_rate: float = attrs.field(default=0.01, validator=number(low=0, open_low=True))
    models: int = attrs.field(default=8, validator=whole(low=1))
    dropout: float = attrs.field(default=0.3, validator=number(low=0, high=0.9))
    conferrability: float = attrs.field(default=0.5, validator=number(low=0, high=1, open_low=True))

    def generate(
        self, model: Classifier, x: Tensor, labels: Tensor, *, references: References | None, seed: int
    ) -> Perturbation:
        """Return deltas ``(N, C, H, W)``; `labels` are not used, for it is the model's own answers that must change.

        Raises:
            DataError: there is no derived or no independent model to learn from.
        """
        references = references or References()
        with ExitStack() as stack:
            derived, independent = (
                held(models, self.models, relation=relation, name=self.name, stack=stack, seed=seed)
                for models, relation in ((references.derived, "derived"), (references.independent, "independent"))
            )
            attack = partial(
                confer,
                ensemble=Ensemble(derived=derived, independent=independent, dropout=self.dropout),
                loss=self.loss,
                epsilon=self.epsilon,
                steps=self.steps,
                learning_rate=self.learning_rate,
                conferrability=self.conferrability,
            )
            # the activations of all models are held at once
            return perturb_predictions(model, x, attack, batch=BATCH)


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `conferrable`."""
    return [Conferrable]
