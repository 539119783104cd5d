"""Attack ``extract``: train a copy on the victim's answers to natural images."""

from __future__ import annotations

from typing import ClassVar

import attrs
import torch.nn.functional as F
from torch import Tensor

import fpframe
from fpframe import AttackContext, Classifier, Images, Query
from fpframe.parameters import number, one_of, whole
from fpframe.rng import derive_seed
from fpframe_plugins.attacks import _extraction as common


@attrs.frozen(kw_only=True)
class Extract(common.Extraction):
    """Ask the victim about images of its kind and fit a student to the answers.

    Sources: Tramer et al., "Stealing machine learning models via prediction APIs", USENIX Security 2016; for the
    temperature Hinton et al., "Distilling the knowledge in a neural network", 2015.

    Attributes:
        labels: ``soft`` takes the victim's probabilities, ``top1`` only its label.
        temperature: T that softens the probabilities of victim and student alike before they are compared; 1 leaves
            them as they are.
        budget: most images that the victim is sent; ``None`` for all that the thief has.
    """

    name: ClassVar[str] = "extract"
    natural: ClassVar[bool] = True

    labels: str = attrs.field(default="soft", validator=one_of(*common.LABELS))
    temperature: float = attrs.field(default=1.0, validator=number(low=0, open_low=True))
    budget: int | None = attrs.field(default=None, validator=whole(low=2, optional=True))

    def __attrs_post_init__(self) -> None:
        if self.labels == "top1" and self.temperature != 1:
            raise fpframe.ParameterError(
                f"'temperature' of 'extract' must be 1 with labels=top1, because a label cannot be softened "
                f"(got {self.temperature:g}); take labels=soft"
            )

    def image_passes(self, available: int, epochs: int) -> float:
        """Return how many images are learned from in all."""
        return common.affordable(available, self.budget) * epochs

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the student fitted to the teacher's answers, or to the true labels where there is no teacher."""
        natural = common.natural_images(data, common.affordable(len(data), self.budget), seed)
        common.limit(teacher, self.budget)
        targets = common.ask(teacher, natural.stream, natural.labels, self.labels)
        if targets.is_floating_point() and self.temperature != 1:
            targets = soften(targets, self.temperature)
        return fpframe.train(
            student, natural.stream, targets, context.training, seed=derive_seed(seed, "fit"), loss=self._loss
        )

    def _loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        # gradients shrink with the square of the temperature (Hinton et al., section 2)
        return F.cross_entropy(logits / self.temperature, targets) * self.temperature**2


def soften(probabilities: Tensor, temperature: float) -> Tensor:
    """Return probabilities ``(N, K)`` at a temperature; logarithms stand in for the logits, which no API shows."""
    return F.softmax(probabilities.log() / temperature, dim=1)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [Extract]
