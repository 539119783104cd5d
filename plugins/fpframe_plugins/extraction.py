"""Attack ``extraction``: train a copy on the victim's answers."""

from __future__ import annotations

from typing import ClassVar, Literal

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

import fpframe
from fpframe.classifier import Classifier, evaluating
from fpframe.dataset import Images
from fpframe.interfaces.attack import AttackContext
from fpframe.parameters import number, one_of, whole
from fpframe.query import Query
from fpframe.rng import derive_seed, generator


@attrs.frozen(kw_only=True)
class Extraction(fpframe.AttackSimulator):
    """Query the victim about images and fit a student to its answers (Tramer et al., 2016).

    The thief's queries are ``natural`` images; or these and copies with Gaussian ``noise``; or these and
    ``adversarial`` copies, moved away from the answer of the last round's student (Papernot et al., 2017, and the thief
    of Peng et al., CVPR 2022). All queries are 8-bit images.

    Attributes:
        queries: ``natural``, ``noise`` or ``adversarial``.
        labels: ``soft`` takes the victim's probabilities, ``hard`` only its top-1 label.
        budget: most images that the victim is asked; ``None`` for all that the thief has, and their copies.
        rounds: copies of each natural image; for ``adversarial`` also the active rounds.
        noise: standard deviation of the noise, in pixel units.
        epsilon: L-infinity size of the adversarial step, in pixel units.
    """

    name: ClassVar[str] = "extraction"
    access: ClassVar[Literal["weights", "probs", "labels"]] = "probs"
    queries: str = attrs.field(default="natural", validator=one_of("natural", "noise", "adversarial"))
    labels: str = attrs.field(default="soft", validator=one_of("soft", "hard"))
    budget: int | None = attrs.field(default=None, validator=whole(low=2, optional=True))
    rounds: int = attrs.field(default=1, validator=whole(low=1))
    noise: float = attrs.field(default=0.1, validator=number(low=0, open_low=True))
    epsilon: float = attrs.field(default=0.1, validator=number(low=0, high=1, open_low=True))

    def __attrs_post_init__(self) -> None:
        least = 2 * self._images_per_natural
        if self.budget is not None and self.budget < least:
            raise fpframe.ParameterError(
                f"'budget' of 'extraction' must be at least {least} with these queries and rounds (got {self.budget})"
            )

    @property
    def _images_per_natural(self) -> int:
        return 1 if self.queries == "natural" else 1 + self.rounds

    def natural_images(self, available: int) -> int:
        """Return how many natural images fit into the budget together with their copies."""
        return available if self.budget is None else min(available, self.budget // self._images_per_natural)

    def images_per_epoch(self, available: int) -> float:
        """Return how many images an epoch takes on average, copies included."""
        natural = self.natural_images(available)
        factors = {"natural": 1.0, "noise": 1.0 + self.rounds, "adversarial": 1.0 + self.rounds / 2}
        return natural * factors[self.queries]

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the student fitted to the teacher's answers, or to the true labels where there is no teacher."""
        order = torch.randperm(len(data), generator=generator(seed, "natural"))
        natural = data[order[: self.natural_images(len(data))]]
        if teacher is not None and self.budget is not None:
            teacher.max_queries = teacher.spent + self.budget
        images, targets = natural.pixels, self._ask(teacher, natural.pixels, natural.labels)
        if self.queries == "adversarial":
            return self._active(student, teacher, natural, images, targets, context, seed)
        if self.queries == "noise":
            for copy in range(self.rounds):
                noisy = _add_noise(natural.pixels, self.noise, generator(seed, "noise", copy))
                images = torch.cat([images, noisy])
                targets = torch.cat([targets, self._ask(teacher, noisy, natural.labels)])
        return fpframe.train(student, images, targets, context.training, seed=derive_seed(seed, "fit"))

    def _active(
        self,
        student: Classifier,
        teacher: Query | None,
        natural: Images,
        images: Tensor,
        targets: Tensor,
        context: AttackContext,
        seed: int,
    ) -> Classifier:
        # the epochs are shared out among the rounds, so that an active thief costs no more than a passive one
        phases = self.rounds + 1
        training = attrs.evolve(context.training, epochs=max(1, round(context.training.epochs / phases)))
        fpframe.train(student, images, targets, training, seed=derive_seed(seed, "fit", 0))
        for turn in range(1, phases):
            crafted = _step_away(student, natural.pixels, targets[: len(natural)], self.epsilon)
            images = torch.cat([images, crafted])
            targets = torch.cat([targets, self._ask(teacher, crafted, natural.labels)])
            fpframe.train(student, images, targets, training, seed=derive_seed(seed, "fit", turn))
        return student

    def _ask(self, teacher: Query | None, pixels: Tensor, labels: Tensor) -> Tensor:
        if teacher is None:
            return labels
        answers = teacher(pixels)
        return answers if self.labels == "soft" else answers.argmax(1)


def _eight_bit(pixels: Tensor) -> Tensor:
    return (pixels.clamp(0, 1) * 255).round() / 255


def _add_noise(pixels: Tensor, deviation: float, source: torch.Generator) -> Tensor:
    return _eight_bit(pixels + deviation * torch.randn(pixels.shape, generator=source))


def _step_away(student: Classifier, pixels: Tensor, targets: Tensor, epsilon: float) -> Tensor:
    """Return copies moved by one signed gradient step away from the student's answer (Goodfellow et al., 2015)."""
    crafted = []
    with evaluating(student):
        for batch, target in zip(pixels.split(256), targets.split(256), strict=True):
            moving = batch.clone().requires_grad_(True)
            (slope,) = torch.autograd.grad(F.cross_entropy(student(moving), target), moving)
            crafted.append(_eight_bit(batch + epsilon * slope.sign()))
    return torch.cat(crafted)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the attack."""
    return [Extraction]
