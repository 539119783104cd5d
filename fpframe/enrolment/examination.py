"""`Examination`: whether an enrolment is fit to accuse anybody, asked at each step of its making."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from fpframe.base import Event, Listener, Note
from fpframe.enrolment.fitness import Crafted, Fitness, VictimLook, ZooLook
from fpframe.enrolment.method import Method
from fpframe.enrolment.queries import Questions
from fpframe.enrolment.settling import Unfit, settle
from fpframe.enrolment.strangers import Strangers, look_at_strangers
from fpframe.enrolment.victim_checks import look_at_victim
from fpframe.enrolment.victim_gradients import require_tunable
from fpframe.enrolment.victim_sight import Sight
from fpframe.enrolment.zoo_checks import look_at_queries, look_at_zoo
from fpframe.rng import threads
from fpframe.zoo import Setting, Zoo, ZooModel


@attrs.define(kw_only=True, eq=False)
class Examination:
    """What is found on the way to an enrolment. Each step refuses what is not accepted, as early as it can be known.

    Attributes:
        method: the scheme's components.
        accept: codes that the owner accepts.
        on_event: is told what was accepted and did not occur.
    """

    method: Method
    accept: frozenset[str]
    on_event: Listener
    _found: list[Unfit] = attrs.field(factory=list, init=False)
    _victim: VictimLook | None = attrs.field(default=None, init=False)
    _zoo: ZooLook | None = attrs.field(default=None, init=False)
    _queries: tuple[Crafted, ...] = attrs.field(default=(), init=False)

    def look_at_victim(self, setting: Setting, plan: Sequence[ZooModel]) -> None:
        """Look at the victim, before anything is trained.

        Raises:
            UsageError: it is unfit; or the recipe trains it further and it has no gradients, which nobody can accept.
        """
        sight = Sight(setting=setting, method=self.method, plan=plan)
        with threads(1):  # the same numbers on any number of cores
            self._victim, found = look_at_victim(sight)
            self._add(found)
            require_tunable(sight)

    def look_at_zoo(self, zoo: Zoo) -> None:
        """Look at the models of the zoo, once they are built.

        Raises:
            UsageError: it is unfit.
        """
        with threads(1):
            self._zoo, found = look_at_zoo(zoo, self.method)
        self._add(found)

    def without_zoo(self) -> None:
        """Say that no zoo was built: the models that calibrate are the user's own."""
        self._zoo = ZooLook(derived=0, independent=0, failed=0, agreement=None, strata={})

    def look_at_queries(self, questions: Questions) -> None:
        """Look at the queries, before anything is fitted.

        Raises:
            UsageError: they are unfit.
        """
        self._queries = questions.crafted
        self._add(look_at_queries(questions, self.method))

    def doubts(self, questions: Questions, strangers: Sequence[Strangers]) -> tuple[Note, ...]:
        """Return what an enrolment would still be refused for by its queries or strangers, and is not accepted.

        For a comparison, which goes on: what one of several schemes cannot do is a result.
        """
        found = [*look_at_queries(questions, self.method), *look_at_strangers(strangers)]
        return tuple(unfit.note for unfit in found if unfit.note.code not in self.accept)

    def finish(self, strangers: Sequence[Strangers]) -> Fitness:
        """Look at what strangers would be called, and return all that was seen.

        Raises:
            UsageError: too many of an architecture would be accused.
        """
        accepted = self._add(look_at_strangers(strangers))
        idle = sorted(self.accept - {note.code for note in accepted})
        if idle:
            text = f"accepted, and not found: {', '.join(idle)}"
            self.on_event(Event(task="fitness", kind="note", text=text))
        assert self._victim is not None
        assert self._zoo is not None
        return Fitness(victim=self._victim, zoo=self._zoo, queries=self._queries, accepted=accepted)

    def _add(self, found: Sequence[Unfit]) -> tuple[Note, ...]:
        known = {unfit.note.code for unfit in self._found}
        self._found += [unfit for unfit in found if unfit.note.code not in known]
        return settle(self._found, self.accept)
