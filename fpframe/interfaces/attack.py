"""`AttackSimulator`: how thieves make models, so that a fingerprint can be tried on them."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

import attrs

from fpframe.classifier import Classifier
from fpframe.dataset import Images
from fpframe.interfaces.component import Component
from fpframe.query import Query
from fpframe.training import Training


@attrs.frozen(kw_only=True, eq=False)
class AttackContext:
    """What an attack may use besides its data.

    Attributes:
        training: how the student is fitted.
    """

    training: Training


class AttackSimulator(Component):
    """Make a derived model.

    Attributes:
        access: what of the victim the thief holds: its ``weights``, or only its answers (``probs`` or ``labels``).
            With weights the student that is handed over is a deep copy of the victim; else it is a fresh backbone, and
            the victim is only ever the budgeted `Query`.
    """

    kind = "attack"
    access: ClassVar[Literal["weights", "probs", "labels"]]

    def images_per_epoch(self, available: int) -> float:
        """Return how many images an epoch takes on average when the thief owns `available`, for estimates of time."""
        return available

    @abstractmethod
    def simulate(
        self,
        student: Classifier,
        teacher: Query | None,
        data: Images,
        *,
        context: AttackContext,
        seed: int,
    ) -> Classifier:
        """Return the student after the attack, which may change it in place.

        `data` is what the thief owns. Its labels are the true ones: an attack uses them only where `teacher` is
        ``None``, which asks for the same recipe with true labels (a model that is not derived).
        """
