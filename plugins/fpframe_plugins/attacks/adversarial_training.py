"""Attack ``adversarial-training``: make a stolen model robust, so that adversarial queries lose their grip."""

from __future__ import annotations

from typing import ClassVar

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

import fpframe
from fpframe import AttackContext, Classifier, Images, Query, evaluating
from fpframe.parameters import epsilon_pixels, number, whole
from fpframe_plugins.attacks._tuning import Tuning


@attrs.frozen(kw_only=True)
class AdversarialTraining(Tuning):
    """Fine-tune all layers on batches of which one half is adversarial, with true labels.

    The examples are those of Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks" (ICLR 2018):
    projected gradient ascent of the loss from a random start, with steps of ``2.5 * epsilon / steps``. The other half
    stays clean, which keeps the accuracy on natural images that a thief wants to sell.

    Attributes:
        epsilon: L-infinity bound, in pixel units.
        steps: gradient steps for each example; with 1 they are fast-gradient-sign examples from a random start.
        epochs: passes over the thief's images.
        learning_rate: peak of the schedule.
    """

    name: ClassVar[str] = "adversarial-training"
    epsilon: float = attrs.field(default=0.05, validator=epsilon_pixels)
    steps: int = attrs.field(default=3, validator=whole(low=1))
    epochs: int = attrs.field(default=2, validator=whole(low=1))
    learning_rate: float = attrs.field(default=1e-3, validator=number(low=0, open_low=True))

    def image_passes(self, available: int, epochs: int) -> float:
        """Return the passes of its own epochs, where half of the images take one more for each step."""
        return available * self.epochs * (1 + self.steps / 2)

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the student, trained further on clean and adversarial images."""
        return self.tuned(student, data, context, seed=seed, disturb=self._disturb)

    def _disturb(self, model: Classifier, pixels: Tensor, labels: Tensor) -> Tensor:
        # batches are shuffled, so any half of one will do
        half = len(pixels) // 2
        return torch.cat([self._craft(model, pixels[:half], labels[:half]), pixels[half:]])

    def _craft(self, model: Classifier, pixels: Tensor, labels: Tensor) -> Tensor:
        start = torch.empty(pixels.shape).uniform_(-self.epsilon, self.epsilon).to(pixels.device)
        moved = (pixels + start).clamp(0, 1)
        # in evaluation mode: crafting must not move the statistics of batch normalisation
        with evaluating(model):
            for _ in range(self.steps):
                moved.requires_grad_(True)
                (slope,) = torch.autograd.grad(F.cross_entropy(model(moved), labels), moved)
                moved = moved.detach() + 2.5 * self.epsilon / self.steps * slope.sign()
                moved = torch.clamp(moved, pixels - self.epsilon, pixels + self.epsilon).clamp(0, 1)
        return moved


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [AdversarialTraining]
