"""`Yardsticks`: what suspects of one enrolment are measured against, each computed once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from fpframe.enrolment import PLAIN, Ability, Agreement, Enrolment, matched, restricted_ability
from fpframe.models.classes import SharedClasses, shared_classes
from fpframe.registry import Registry
from fpframe.verification.yardstick import Yardstick

if TYPE_CHECKING:
    from fpframe.verification.verdict import Verdict


@attrs.frozen
class ComparedClasses:
    """On which classes a suspect is compared, and whether models were matched with them by labelled images.

    Attributes:
        shared: numbers of the victim's classes; empty for all.
        matched: whether the order of the classes is that which labelled images show, of every model.
    """

    shared: tuple[int, ...] = ()
    matched: bool = False


#: The usual: all classes, in the victim's order.
ALL_CLASSES = ComparedClasses()


def compared_classes(verdict: Verdict) -> ComparedClasses:
    """Return on which classes a suspect was compared that there is a verdict on."""
    told = verdict.settings.get("classes")
    if not told:
        return ALL_CLASSES
    if told["how"] == "matched":
        return ComparedClasses(matched=True)
    shared = tuple(sorted(number for number in told["means"] if number is not None))
    usual = len(shared) == told["victim"] or len(shared) < 2  # of fewer there was nothing to compare
    return ALL_CLASSES if usual else ComparedClasses(shared=shared)


@attrs.frozen(eq=False)
class Yardsticks:
    """The yardsticks of one enrolment; each is made when it is first wanted, and kept for all further suspects.

    Attributes:
        enrolment: the enrolment; it must not change meanwhile.
        registry: plugins, for answer filters.
    """

    enrolment: Enrolment
    registry: Registry
    _made: dict[tuple[str, str, ComparedClasses], Yardstick] = attrs.field(factory=dict, init=False)
    _agreements: dict[ComparedClasses, Agreement] = attrs.field(factory=dict, init=False)

    def of(self, channel: str, through: str = PLAIN, classes: ComparedClasses = ALL_CLASSES) -> Yardstick:
        """Return the calibration of a channel and filter, on some classes.

        Raises:
            UsageError: there is no such channel, or the filter changes images and the models were not asked through it.
        """
        wanted = channel, through, classes
        if wanted not in self._made:
            self._made[wanted] = Yardstick.of(
                self._enrolment(classes), channel, through, registry=self.registry, shared=self.shared(classes)
            )
        return self._made[wanted]

    def agreement(self, classes: ComparedClasses = ALL_CLASSES) -> Agreement:
        """Return how far the calibration models agree with the victim on some classes, asked through no filter."""
        if classes not in self._agreements:
            enrolment, shared = self._enrolment(classes), self.shared(classes)
            victim, answers = enrolment.victim_answers, enrolment.calibration.answers[PLAIN]
            if shared is not None:
                victim, answers = shared.only(victim), shared.only(answers)
            self._agreements[classes] = Agreement(victim, answers, shared)
        return self._agreements[classes]

    def ability(self, classes: ComparedClasses = ALL_CLASSES) -> Ability | None:
        """Return how able victim and calibration models are on some classes; ``None`` where nothing says so."""
        ability = self._enrolment(classes).ability
        if ability is None or not classes.shared:
            return ability
        return restricted_ability(ability, classes.shared)

    def shared(self, classes: ComparedClasses) -> SharedClasses | None:
        """Return the filter that restricts answers to some classes; ``None`` for all."""
        if not classes.shared:
            return None
        return shared_classes(classes.shared, self.enrolment.victim_answers)

    @cached_property
    def unmatched(self) -> list[str]:
        """Names of the calibration models of which labelled images do not show which class is which."""
        found = self._matched
        return found if isinstance(found, list) else []

    @cached_property
    def digest(self) -> str:
        """The enrolment's digest."""
        return self.enrolment.digest

    @cached_property
    def _matched(self) -> Enrolment | list[str]:
        return matched(self.enrolment)

    def _enrolment(self, classes: ComparedClasses) -> Enrolment:
        if not classes.matched:
            return self.enrolment
        if isinstance(self._matched, list):
            raise ValueError("the classes of the calibration models cannot be matched")
        return self._matched
