"""How far models give the victim's labels: a check that suspect and victim do the same task at all.

An encoder has only seen models that do. What it makes of one whose classes stand in another order, or that was never
trained, can be anything, a high score too.
"""

from __future__ import annotations

import math

import attrs
import torch.nn.functional as F
from torch import Tensor

from fpframe.base import Note
from fpframe.models.classes import SharedClasses


def label_agreement(answers: Tensor, victim_answers: Tensor, kept: Tensor | None = None) -> Tensor:
    """Return Cohen's kappa ``(...)`` of the labels that models and the victim give (Cohen, 1960).

    1 is the same label always, 0 as often as by chance with such shares of labels; perturbed images drive many answers
    into a few labels, so that chance alone makes a third of them equal.

    Args:
        answers: probabilities ``(..., V, Q, K)``.
        victim_answers: the victim's ``(V, Q, K)``.
        kept: which queries ``(V, Q)`` count; ``None`` for all.
    """
    classes = answers.shape[-1]
    given, wanted = answers.argmax(-1).flatten(-2), victim_answers.argmax(-1).flatten(-2)
    if kept is not None:
        given, wanted = given[..., kept.flatten()], wanted[..., kept.flatten()]
    theirs, ours = F.one_hot(given, classes).double(), F.one_hot(wanted, classes).double()
    agreed = (theirs * ours).sum(-1).mean(-1)
    chance = (theirs.mean(-2) * ours.mean(-2)).sum(-1)
    kappa: Tensor = (agreed - chance) / (1 - chance).clamp(min=1e-9)
    return kappa


@attrs.frozen(eq=False)
class Agreement:
    """How far the calibration models agree with the victim; computed once, however many models are held against it.

    Attributes:
        victim_answers: the victim's probabilities ``(V, Q, K)``.
        calibration_answers: those ``(M, V, Q, K)`` of the calibration models.
        shared: the classes that all of them were restricted to; ``None`` for all.
    """

    victim_answers: Tensor
    calibration_answers: Tensor
    shared: SharedClasses | None = None
    _lowest: dict[int, float] = attrs.field(factory=dict, init=False)

    def lowest(self, views: int) -> float:
        """Return how far the calibration model that agrees least does so in the first views."""
        if views not in self._lowest:
            agreements = self._with_victim(self.calibration_answers[:, :views])
            self._lowest[views] = float(agreements.min())
        return self._lowest[views]

    def _with_victim(self, answers: Tensor) -> Tensor:
        views = answers.shape[-3]
        kept = None if self.shared is None else self.shared.kept[:views]
        return label_agreement(answers, self.victim_answers[:views], kept)

    def astray(self, answers: Tensor) -> Note | None:
        """Look for a model that seems to do another task than the victim.

        That is one which agrees with the victim, beyond chance, less than half as much as each of the calibration
        models, by more than so few answers vary. Such a model is not accused, whatever it scores; a thief who changes
        the order of the classes is not cleared either. Of queries that are made for nobody but the victim's copies to
        agree, as those next to its decision boundary are, nothing follows: the calibration models do not agree there
        either.

        Args:
            answers: probabilities ``(V, Q, K)``, of the first views only or of all.
        """
        own = float(self._with_victim(answers))
        lowest = self.lowest(len(answers))
        count, classes = answers.shape[0] * answers.shape[1], answers.shape[2]
        if self.shared is not None:
            count, classes = int(self.shared.kept[: len(answers)].sum()), len(self.shared.shared)
        # two standard errors of kappa where labels are equal by chance alone, one in `classes`
        noise = 2 / math.sqrt(count * (classes - 1))
        if own >= min(lowest, lowest / 2) - noise:  # half of a negative number would be higher than it
            return None
        return Note(
            "labels-disagree",
            f"The model agrees with the victim's labels by {own:.2f} (kappa: 1 always, 0 by chance), where each of "
            f"{len(self.calibration_answers)} independent models agrees by {lowest:.2f} or more. Its classes may be in "
            "another order (name them with --classes), its images may need other preparation, its answers may be out "
            "of order, or it may do another task.",
        )
