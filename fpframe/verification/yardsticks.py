"""`Yardsticks`: what suspects of one enrolment are measured against, each computed once."""

from __future__ import annotations

from functools import cached_property

import attrs

from fpframe.enrolment import PLAIN, Agreement, Enrolment
from fpframe.registry import Registry
from fpframe.verification.yardstick import Yardstick


@attrs.frozen(eq=False)
class Yardsticks:
    """The yardsticks of one enrolment; each is made when it is first wanted, and kept for all further suspects.

    Attributes:
        enrolment: the enrolment; it must not change meanwhile.
        registry: plugins, for answer filters.
    """

    enrolment: Enrolment
    registry: Registry
    _made: dict[tuple[str, str], Yardstick] = attrs.field(factory=dict, init=False)

    def of(self, channel: str, through: str = PLAIN) -> Yardstick:
        """Return the calibration of a channel and filter.

        Raises:
            UsageError: there is no such channel, or the filter changes images and the models were not asked through it.
        """
        wanted = channel, through
        if wanted not in self._made:
            self._made[wanted] = Yardstick.of(self.enrolment, channel, through, registry=self.registry)
        return self._made[wanted]

    @cached_property
    def agreement(self) -> Agreement:
        """How far the calibration models agree with the victim, asked through no filter."""
        return Agreement(self.enrolment.victim_answers, self.enrolment.calibration.answers[PLAIN])

    @cached_property
    def digest(self) -> str:
        """The enrolment's digest."""
        return self.enrolment.digest
