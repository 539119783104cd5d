"""`Ability`: how able the victim and the calibration models are, on labelled images that nobody chose by any answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import attrs
import numpy as np
import torch
from torch import Tensor

from fpframe.decision import FOR_SUSPECTS, clearly_less_able, resolution
from fpframe.models import Query, to_pixels
from fpframe.rng import generator, threads

#: Images that ability is measured on, where the data have so many; see `fpframe.decision.resolution`.
IMAGES = 300
#: How much accuracy a thief may lose, and be judged all the same.
LOSS = 0.05


def ability_choice(count: int, seed: int) -> Tensor:
    """Return which of `count` test images ability is measured on, in order.

    No model of a zoo is trained on test images, no query point is taken from them, and these are drawn by the seed
    alone: nobody's answers choose them.
    """
    chosen: Tensor = torch.randperm(count, generator=generator(seed, "ability"))[:IMAGES].sort().values
    return chosen


def labels_of(query: Query, images: Tensor) -> Tensor:
    """Return the labels ``(A,)`` that a model gives 8-bit images ``(A, C, H, W)``."""
    with threads(1):  # the same bits as in any other run
        return label_rows(query(to_pixels(images)))


def label_rows(answers: Tensor) -> Tensor:
    """Return the labels ``(A,)``, int16 or int32, of answers ``(A, K)``."""
    return small_labels(answers.argmax(1), answers.shape[1])


def small_labels(labels: Tensor, classes: int) -> Tensor:
    """Return labels as they are kept: int16, or int32 where there are too many classes for it."""
    return labels.to(torch.int16 if classes < 2**15 else torch.int32)


@attrs.frozen(kw_only=True, eq=False, slots=False)  # without slots, for what is computed once
class Ability:
    """How able the victim and the calibration models are.

    Attributes:
        images: 8-bit images ``(A, C, H, W)``, none of which any model of the zoo was trained on.
        truth: their labels ``(A,)``.
        victim: the labels ``(A,)`` that the victim gave.
        models: those ``(M, A)`` that the calibration models gave, in their order; -1 where models are compared on some
            classes only, and one named another. That counts as wrong where it makes a model less able than a suspect,
            and as right where it makes a model abler.
        left_out: names of models that do not calibrate, because they are clearly less able than the victim.
    """

    images: Tensor
    truth: Tensor
    victim: Tensor
    models: Tensor
    left_out: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        count = len(self.images)
        if self.truth.shape != (count,) or self.victim.shape != (count,) or self.models.shape[1:] != (count,):
            raise ValueError(f"labels do not fit {count} images")

    @cached_property
    def right(self) -> np.ndarray:
        """Which images each calibration model gets right, ``(M, A)``."""
        right: np.ndarray = (self.models == self.truth).numpy()
        return right

    @property
    def victim_accuracy(self) -> float:
        """The share that the victim gets right."""
        return self.accuracy(self.victim)

    def accuracy(self, labels: Tensor) -> float:
        """Return the share of the images that a model with these labels ``(A,)`` gets right."""
        return round(float((labels == self.truth).double().mean()), 6)

    def accuracies(self) -> list[float]:
        """Return the accuracy of each calibration model."""
        return [self.accuracy(labels) for labels in self.models]

    def less_able_than(self, labels: Tensor) -> tuple[bool, ...]:
        """Return whether each calibration model is clearly less able than a suspect with these labels ``(A,)``."""
        right = (labels == self.truth).numpy()
        return tuple(clearly_less_able(self.right, right, errors=FOR_SUSPECTS).tolist())

    def abler_than(self, labels: Tensor) -> tuple[bool, ...]:
        """Return whether each calibration model is clearly abler than a suspect with these labels ``(A,)``."""
        wrong = (labels != self.truth).numpy()
        surely_wrong = ~(self.right | (self.models < 0).numpy())
        return tuple(clearly_less_able(surely_wrong, wrong, errors=FOR_SUSPECTS).tolist())

    @cached_property
    def weakest(self) -> float:
        """The accuracy below which a suspect is like none of the models that may calibrate.

        Those are independent of the victim and not clearly less able, which leaves them so far below it at most, for
        they differ from it on as many images as calibration models do. A thief differs on fewer. It is granted as much,
        and `LOSS` in any case.
        """
        victim = (self.victim == self.truth).numpy()
        differing = float(np.median((self.right != victim).mean(axis=1))) if len(self.right) else 0.0
        return self.victim_accuracy - max(LOSS, resolution(len(self.truth), differing))

    def admitting(self, labels: Tensor, names: Sequence[str]) -> tuple[Ability, list[int]]:
        """Return the ability of those of other models that may calibrate, and which they are.

        Models that are clearly less able than the victim may not: what they score says nothing of abler ones.

        Args:
            labels: what the other models answered, ``(M, A)``.
            names: what they are called.
        """
        labels = labels.to(self.truth.dtype)
        less = clearly_less_able((labels == self.truth).numpy(), (self.victim == self.truth).numpy())
        rows = [row for row, out in enumerate(less) if not out]
        left_out = tuple(name for name, out in zip(names, less, strict=True) if out)
        return attrs.evolve(self, models=labels[rows], left_out=left_out), rows

    def beside(self, before: Ability) -> Ability:
        """Return the ability of all models, where these calibrate beside others, which come first."""
        return attrs.evolve(
            self,
            models=torch.cat([before.models, self.models]),
            left_out=(*before.left_out, *self.left_out),
        )
