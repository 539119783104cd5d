"""`ClassComparison`: how the classes of one suspect are compared with the victim's, as far as it is known yet."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import torch
from torch import Tensor

from fpframe.base import Note
from fpframe.enrolment import shared_images
from fpframe.models import Query
from fpframe.models.classes import ClassMap, SharedClasses, matched_order
from fpframe.verification.class_notes import (
    class_caveats,
    left_out,
    never_given,
    other_order,
    outside,
    too_few,
    unmatched,
)
from fpframe.verification.class_telling import ClassTelling
from fpframe.verification.standing import Standing
from fpframe.verification.yardsticks import ALL_CLASSES, ComparedClasses, Yardsticks


@attrs.define(kw_only=True, eq=False)
class ClassComparison:
    """How the classes of one suspect are compared with the victim's.

    Attributes:
        map: which of the victim's classes it tells.
        yardsticks: what it is measured against.
        match: whether the order of its classes is looked for on the labelled images.
        lack: why no comparison is possible, whatever it answers.
        order: that its classes are taken wrongly, as labelled images show; it prevents a verdict.
        never: that it never answers with some class.
    """

    map: ClassMap
    yardsticks: Yardsticks
    match: bool
    lack: Note | None = None
    order: Note | None = None
    never: Note | None = None

    @classmethod
    def of(cls, query: Query, yardsticks: Yardsticks, telling: ClassTelling) -> ClassComparison:
        """Return how a suspect is compared that is open and was asked nothing yet.

        Raises:
            UsageError: what was said of its classes cannot be.
            ModelError: it tells another number of classes.
        """
        made = cls(map=telling.map_of(query, yardsticks.enrolment.classes), yardsticks=yardsticks, match=telling.match)
        if len(made.map.shared) < 2 or made.shared is not None:
            made.lack = too_few(made.map, made.shared)
        return made

    @property
    def compared(self) -> ComparedClasses:
        """On which classes it is compared."""
        if self.map.how == "matched":
            return ComparedClasses(matched=True)
        return ALL_CLASSES if self.map.is_complete else ComparedClasses(shared=self.map.shared)

    @property
    def shared(self) -> SharedClasses | None:
        """The filter that all answers go through; ``None`` where it tells all classes."""
        return None if not self.map.shared else self.yardsticks.shared(self.compared)

    def learn(self, answers: Tensor) -> Note | None:
        """Learn from its answers ``(A, K')`` to the labelled images; return why no verdict is possible, if so."""
        ability = self.yardsticks.enrolment.ability
        if ability is None or not bool(answers.isfinite().all()):
            return None
        if self.match:
            order = matched_order(self.map.labels(answers), ability.truth, len(self.map.victim))
            if order is None:
                return unmatched("several orders of its classes fit equally well")
            if self.yardsticks.unmatched:
                return unmatched(
                    f"they do not show it of {len(self.yardsticks.unmatched)} of {len(ability.models)} calibration "
                    "models either"
                )
            self.map = ClassMap.matched(order, self.map.victim, self.map.names)
            return None
        images = shared_images(ability, self.map.shared)
        given = self.map.labels(answers)[images]
        self.order = other_order(given, ability.truth[images], self.map, images=ability.truth) or left_out(
            answers.argmax(1), ability.truth, self.map
        )
        self.never = never_given(self.map.labels(answers), ability, self.map)
        return None

    def unlearnt(self) -> Note | None:
        """Return why no verdict is possible where it was not asked the labelled images; ``None`` where one is."""
        return unmatched("it was not asked them") if self.match else None

    def standing(self, answers: Tensor) -> Standing:
        """Return how able it is by its answers ``(A, K')`` to the labelled images, on those of shared classes."""
        ability = self.yardsticks.ability(self.compared)
        assert ability is not None
        labels = self.map.labels(answers)
        if self.shared is not None:
            whole = self.yardsticks.enrolment.ability
            assert whole is not None
            labels = labels[shared_images(whole, self.map.shared)]
        return Standing.of_labels(ability, labels)

    def rows(self, views: Sequence[Tensor]) -> Tensor:
        """Return its answers ``(Q, K')`` to some views as answers ``(V, Q, K)`` about the victim's classes."""
        rows = self.map.rows(torch.stack(list(views)))
        return rows if self.shared is None else self.shared.only(rows)

    def scored(self, views: Sequence[Tensor], channel: str) -> Tensor:
        """Return its answers ``(Q, K')`` to some views as they are scored in a channel, ``(V, Q, K)``."""
        rows = self.rows(views)
        return rows if self.shared is None else self.shared(rows, channel)

    def doubt(self, views: Sequence[Tensor]) -> Note | None:
        """Look for what in its answers to the views speaks against comparing its classes in this way."""
        silent = self.map.silent(torch.stack(list(views)))
        if self.shared is not None:
            silent = silent[self.shared.kept[: len(views)]]
        return (None if self.match else self.order) or outside(int(silent.sum()), silent.numel())

    def caveats(self) -> tuple[Note, ...]:
        """Return what the reader of a verdict should know of it."""
        return (*class_caveats(self.map, self.shared), *([self.never] if self.never else []))
