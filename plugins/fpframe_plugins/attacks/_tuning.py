"""What thieves who train a stolen model further have in common.

Not a plugin: each attack has a file of its own.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import attrs

import fpframe
from fpframe import AttackContext, Classifier, Images


class Tuning(fpframe.AttackSimulator):
    """Train the victim's weights further on true labels.

    Attributes:
        epochs: passes over the thief's images.
        learning_rate: peak of the schedule.
    """

    access: ClassVar[Literal["weights", "probs", "labels"]] = "weights"
    epochs: int
    learning_rate: float

    def image_passes(self, available: int, epochs: int) -> float:
        """Return the passes of its own epochs."""
        return available * self.epochs

    def tuned(self, student: Classifier, data: Images, context: AttackContext, *, seed: int, **how: Any) -> Classifier:
        """Return the student, trained for the attack's own epochs; `how` holds further options of `fpframe.train`."""
        if self.epochs == 0:
            return student.eval()
        training = attrs.evolve(context.training, epochs=self.epochs, learning_rate=self.learning_rate)
        return fpframe.train(student, data.stream, data.labels, training, seed=seed, **how)
