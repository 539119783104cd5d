"""`Standing`: how able a suspect is, and which calibration models are clearly less able."""

from __future__ import annotations

import attrs
from torch import Tensor

from fpframe.base import Note
from fpframe.enrolment import Ability, label_rows

#: Why nothing is known of it: the enrolment has no such images, or the suspect was not asked them.
NOT_ENROLLED = Note(
    "enrolment-lacks-ability",
    "The enrolment does not say how able its calibration models are, so nobody can be accused by it: an able suspect "
    "stands out from weak models, whoever made it. Enroll again.",
)
NOT_RECORDED = Note(
    "ability-not-recorded",
    "The recorded answers leave out the images that ability is measured on, so nobody can be accused by them: an able "
    "suspect stands out from weak models, whoever made it. Ask the suspect everything that 'fpframe queries export' "
    "writes.",
)


@attrs.frozen(kw_only=True, eq=False)
class Standing:
    """How able a suspect is.

    Attributes:
        accuracy: the share of the labelled images that it gets right; ``None`` where it was not asked.
        less_able: whether each calibration model is clearly less able than it; empty where it was not asked.
        all_abler: whether every calibration model is clearly abler than it. They say nothing of it then, and nobody is
            called derived by them.
        too_weak: whether it is so much less able than the victim that independent models like it may not calibrate.
            Nobody knows what those score, and nobody is called derived then either.
        unknown: why it was not asked; ``None`` where it was. Nobody is called derived then.
    """

    accuracy: float | None = None
    less_able: tuple[bool, ...] = ()
    all_abler: bool = False
    too_weak: bool = False
    unknown: Note | None = None

    @classmethod
    def of(cls, ability: Ability, answers: Tensor) -> Standing:
        """Return the standing of a suspect by its answers ``(A, K)`` to the labelled images."""
        return cls.of_labels(ability, label_rows(answers))

    @classmethod
    def of_labels(cls, ability: Ability, labels: Tensor) -> Standing:
        """Return the standing of a suspect by its labels ``(A,)`` for the labelled images; -1 is wrong everywhere."""
        labels = labels.to(ability.truth.dtype)
        abler, accuracy = ability.abler_than(labels), ability.accuracy(labels)
        return cls(
            accuracy=accuracy,
            less_able=ability.less_able_than(labels),
            all_abler=bool(abler) and all(abler),
            too_weak=accuracy < ability.weakest,
        )
