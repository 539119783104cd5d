"""`AttackSimulator`: how thieves make models, so that a fingerprint can be tried on them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Literal

import attrs

from fpframe.interfaces.component import Component
from fpframe.models import Classifier, Images, Query, Training


@attrs.frozen(kw_only=True, eq=False)
class AttackContext:
    """What an attack may use besides its data.

    Attributes:
        training: how the student is fitted.
        pools: the images of the other data sets that the attack named in `AttackSimulator.pools`, by address, in the
            size and with the channels of the victim's images. Their labels are those of their own classes.
        companion: a fresh network of the student's architecture, where the attack declares one.
    """

    training: Training
    pools: Mapping[str, Images] = attrs.field(factory=dict)
    companion: Classifier | None = None


class AttackSimulator(Component):
    """Make a derived model.

    Attributes:
        access: what of the victim the thief holds: its ``weights``, or only its answers (``probs`` or ``labels``).
            With weights the student that is handed over is a deep copy of the victim; otherwise it is a fresh backbone,
            and the victim is only ever the budgeted `Query`.
        natural: whether a thief without weights sends images as they were found, and makes none of its own. Such thefts
            are the hardest to show.
        companion: whether a thief who holds weights hands over something else than a copy of the victim's architecture,
            such as the copy and a model of his own beside it. It is what `join` makes of both.
    """

    kind = "attack"
    access: ClassVar[Literal["weights", "probs", "labels"]]
    natural: ClassVar[bool] = False
    companion: ClassVar[bool] = False

    @property
    def learns_labels(self) -> bool:
        """Whether nothing but the victim's top-1 labels is learned from."""
        return self.access == "labels"

    @property
    def pools(self) -> tuple[str, ...]:
        """Addresses of other data sets that the attack draws its queries from."""
        return ()

    @property
    def takes_true_labels(self) -> bool:
        """Whether the same recipe can be followed with true labels: not where queries are images without any."""
        return True

    def image_passes(self, available: int, epochs: int) -> float:
        """Return how many images are learned from in all, each time counted, for estimates of time.

        Args:
            available: images that the thief owns.
            epochs: of the training in the attack's context.
        """
        return available * epochs

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

        `data` is what the thief owns. Its labels are the true ones: a student learns them only where `teacher` is
        ``None``, which asks for the same recipe with true labels (a model that is not derived).
        """

    def join(self, student: Classifier, companion: Classifier) -> Classifier:
        """Return the model that is handed over, made of the copy and of the thief's own model.

        A stored model is put together by it again, from networks that have no weights yet: nothing may be trained
        here. Without a `companion` it is the student.
        """
        return student
