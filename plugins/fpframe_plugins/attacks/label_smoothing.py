"""Attack ``label-smoothing``: make a stolen model less sure of itself."""

from __future__ import annotations

from typing import ClassVar

import attrs
import torch.nn.functional as F
from torch import Tensor

import fpframe
from fpframe import AttackContext, Classifier, Images, Query
from fpframe.parameters import number, whole
from fpframe_plugins.attacks._tuning import Tuning


@attrs.frozen(kw_only=True)
class LabelSmoothing(Tuning):
    """Fine-tune all layers on true labels that are mixed with the uniform distribution.

    The smoothed labels are those of Szegedy et al., "Rethinking the Inception Architecture" (CVPR 2016). They change
    the probabilities of all classes and hardly any decision, which hurts fingerprints that compare probabilities.

    Attributes:
        smoothing: weight of the uniform distribution.
        epochs: passes over the thief's images.
        learning_rate: peak of the schedule.
    """

    name: ClassVar[str] = "label-smoothing"
    smoothing: float = attrs.field(default=0.1, validator=number(low=0, high=0.9, open_low=True))
    epochs: int = attrs.field(default=2, validator=whole(low=1))
    learning_rate: float = attrs.field(default=5e-4, validator=number(low=0, open_low=True))

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the student, trained further on smoothed labels."""

        def smoothed(logits: Tensor, labels: Tensor) -> Tensor:
            return F.cross_entropy(logits, labels, label_smoothing=self.smoothing)

        return self.tuned(student, data, context, seed=seed, loss=smoothed)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [LabelSmoothing]
