"""What thieves who only see answers have in common: a budget, a question, and images to ask about.

Not a plugin: each attack has a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

from fpframe import AttackSimulator, Classifier, Images, ParameterError, Query, Training, evaluating
from fpframe.models import Pixels, scratch_images
from fpframe.rng import generator

#: What the thief takes of an answer: the victim's probabilities, or only its top-1 label.
LABELS = ("soft", "top1")


class Extraction(AttackSimulator):
    """Learn from the victim's answers.

    Attributes:
        labels: ``soft`` takes the victim's probabilities, ``top1`` only its label.
    """

    access: ClassVar[Literal["weights", "probs", "labels"]] = "probs"
    labels: str

    @property
    def learns_labels(self) -> bool:
        """Whether nothing but top-1 labels is learned from."""
        return self.labels == "top1"


def require_budget(attack: Any, images_each: int) -> None:
    """Make sure that the budget of `attack` is enough for two natural images, each asked `images_each` times.

    Raises:
        ParameterError: it is not.
    """
    if attack.budget is not None and attack.budget < 2 * images_each:
        raise ParameterError(
            f"'budget' of '{attack.name}' must be at least {2 * images_each} with these rounds (got {attack.budget})"
        )


def affordable(available: int, budget: int | None, images_each: int = 1) -> int:
    """Return how many of `available` images fit into the budget when each is asked `images_each` times."""
    return available if budget is None else min(available, budget // images_each)


def natural_images(data: Images, count: int, seed: int) -> Images:
    """Return `count` of the thief's images in random order."""
    order = torch.randperm(len(data), generator=generator(seed, "natural"))
    return data[order[:count]]


def limit(teacher: Query | None, budget: int | None) -> None:
    """Let `teacher` refuse what goes over the budget, or over a tighter limit that it has already."""
    if teacher is not None and budget is not None:
        most = teacher.spent + budget
        teacher.max_queries = most if teacher.max_queries is None else min(most, teacher.max_queries)


def ask(teacher: Query | None, pixels: Tensor | Pixels, truth: Tensor, labels: str) -> Tensor:
    """Return what the student learns for images ``(N, C, H, W)``.

    Args:
        teacher: who is asked; ``None`` for the true labels.
        pixels: 8-bit images.
        truth: true labels ``(N,)``.
        labels: ``soft`` for probabilities ``(N, K)``, ``top1`` for labels ``(N,)``.
    """
    if teacher is None:
        return truth
    answers = teacher.answers(pixels)
    return answers if labels == "soft" else answers.argmax(1)


def made_of(pixels: Pixels, change: Callable[[Tensor, slice], Tensor], *, together: int) -> Pixels:
    """Return images that a thief makes of others, as 8-bit images: no more than a batch of pixels is in memory.

    Args:
        pixels: ``(N, C, H, W)`` in [0, 1].
        change: from a batch, and which images it is, to pixels in its place.
        together: images in a batch.
    """
    count, *rest = pixels.shape

    def fill(images: Any) -> None:
        for start in range(0, count, together):
            rows = slice(start, min(start + together, count))
            images[rows] = (change(pixels[rows], rows).clamp(0, 1) * 255).round().to(torch.uint8).numpy()

    return Pixels(scratch_images((count, *rest), fill))


def signed_step(student: Classifier, pixels: Pixels, targets: Tensor, size: float) -> Pixels:
    """Return 8-bit copies ``(N, C, H, W)``, moved by one signed gradient step (Goodfellow et al., 2015).

    Args:
        student: whose cross-entropy is differentiated.
        pixels: ``(N, C, H, W)`` in [0, 1].
        targets: labels ``(N,)`` or probabilities ``(N, K)``.
        size: change of every pixel, in pixel units; up the slope of the loss, or down where it is negative.
    """

    def moved(batch: Tensor, rows: slice) -> Tensor:
        moving = batch.to(student.device, copy=True).requires_grad_(True)
        # a sum, for a mean over many images brings small slopes closer to underflow
        loss = F.cross_entropy(student(moving), targets[rows].to(student.device), reduction="sum")
        (slope,) = torch.autograd.grad(loss, moving)
        return batch + size * slope.sign().cpu()

    with evaluating(student):
        return made_of(pixels, moved, together=256)


def shared_out(training: Training, phases: int) -> Training:
    """Return the training of one of several phases, so that an active thief costs no more than a passive one."""
    return attrs.evolve(training, epochs=shared_epochs(training.epochs, phases))


def shared_epochs(epochs: int, phases: int) -> int:
    """Return how many epochs each of several phases has."""
    return max(1, round(epochs / phases))
