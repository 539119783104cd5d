"""`judge`: question open suspects, and decide on each. Whatever reports a verdict or a rate gets it here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from fpframe.base import Event, Listener, ignore
from fpframe.decision import Decision, decide_together, share_of
from fpframe.enrolment import Enrolment
from fpframe.errors import FpframeError
from fpframe.isolation import IsolatedQuery
from fpframe.models import Query
from fpframe.verification.asking import Asking
from fpframe.verification.asking_plan import planned_asks
from fpframe.verification.choices import Choice, choices_of, chosen_afterwards
from fpframe.verification.interview import Interview
from fpframe.verification.looks import looks_of
from fpframe.verification.nearness import near_suspect
from fpframe.verification.points import with_points
from fpframe.verification.question_suspect import Questioned, question, transcript_of
from fpframe.verification.transcript import identity
from fpframe.verification.unfinished import Unfinished
from fpframe.verification.verdict import Verdict
from fpframe.verification.verdict_json import Abilities
from fpframe.verification.yardsticks import Yardsticks


def judge(
    suspects: Sequence[Query],
    yardsticks: Yardsticks,
    asking: Asking,
    *,
    alpha: float,
    settings: Mapping[str, Any] = MappingProxyType({}),
    on_event: Listener = ignore,
) -> list[Verdict | Unfinished]:
    """Question suspects and decide on each; one that fails keeps no other from its verdict.

    Args:
        suspects: the suspects; they share alpha by Holm's procedure.
        yardsticks: what suspects of the enrolment are measured against.
        asking: how they are asked and judged.
        alpha: the highest chance that any independent one of them is called derived.
        settings: how they were opened, for the record.
        on_event: is told of progress.
    """
    outcomes, share = list[Questioned | Unfinished](), share_of(alpha, len(suspects)) if suspects else alpha
    for number, query in enumerate(suspects):
        on_event(Event(task="verifying", done=number, total=len(suspects)))
        interview = Interview(query)
        _tell_spending(query, yardsticks.enrolment, on_event)
        try:
            outcomes.append(question(interview, yardsticks, asking, alpha=share, on_event=on_event))
        except FpframeError as error:  # the others get their verdicts all the same
            kept = transcript_of(interview, yardsticks.enrolment)
            journal = query.journal if isinstance(query, IsolatedQuery) else None
            outcomes.append(Unfinished(address=query.address, error=error, journal=journal, transcript=kept))
    on_event(Event(task="verifying", done=len(suspects), total=len(suspects)))
    return conclude(outcomes, yardsticks, asking, alpha=alpha, settings=settings)


def _tell_spending(query: Query, enrolment: Enrolment, on_event: Listener) -> None:
    """Let a service tell, after each batch and meanwhile, how many images it has answered, and what was spent."""
    meter = query.meter
    if meter is None:
        return
    planned = sum(planned_asks(enrolment, service=True, at_once=query.batch_size))

    def tell() -> None:
        done = meter.answered
        on_event(Event(task="images", done=done, total=max(planned, done), text=meter.spending))

    query.on_asked = tell
    if isinstance(query, IsolatedQuery):
        query.tell_while_waiting(tell)


def conclude(
    outcomes: Sequence[Questioned | Unfinished],
    yardsticks: Yardsticks,
    asking: Asking,
    *,
    alpha: float,
    settings: Mapping[str, Any] = MappingProxyType({}),
) -> list[Verdict | Unfinished]:
    """Return the verdicts on suspects that were questioned, at the levels that Holm's procedure gives them.

    One that failed counts as a suspect that is not called derived.

    `asking` may name another test than they were questioned for, if neither of the two is ``sequential``.
    """
    decisions = _decide(outcomes, asking, alpha)
    choices = choices_of(asking, alpha, yardsticks.enrolment)
    return [
        each if isinstance(each, Unfinished) else _verdict(each, decision, yardsticks, settings, choices)
        for each, decision in zip(outcomes, decisions, strict=True)
    ]


def _decide(outcomes: Sequence[Questioned | Unfinished], asking: Asking, alpha: float) -> list[Decision]:
    """Return the decisions, at the levels of Holm's procedure where there are several."""

    def decider(each: Questioned | Unfinished) -> Callable[[float], Decision]:
        if isinstance(each, Unfinished):
            return each.decide
        return lambda level: each.yardstick.decide(
            each.view_scores,
            alpha=level,
            test=asking.test,
            certify=asking.certify,
            behaviour=each.behaviour,
            standing=each.standing,
        )

    return decide_together([decider(each) for each in outcomes], alpha=alpha)


def _verdict(
    each: Questioned,
    decision: Decision,
    yardsticks: Yardsticks,
    settings: Mapping[str, Any],
    choices: Mapping[str, Choice],
) -> Verdict:
    enrolment, reading = yardsticks.enrolment, each.query.reading
    own = {
        "outputs": each.query.outputs,
        "reading": reading and reading.to_dict(),
        "classes": _classes(each, yardsticks),
    }
    decision = with_points(decision, each)
    return Verdict(
        decision=decision,
        channel=each.yardstick.channel,
        through=each.yardstick.through,
        view_scores=each.view_scores,
        looks=looks_of(decision, each.view_scores, each.yardstick, each.standing),
        ability=_abilities(each.yardstick.enrolment, each),
        queries=len(each.transcript.answers),
        saved=(enrolment.queries.views - each.views) * enrolment.queries.images.shape[1] if decision.stopped else 0,
        suspect=identity(each.query),
        scheme=enrolment.scheme,
        enrolment=yardsticks.digest,
        settings={**own, **settings},
        choices=choices,
        caveats=(
            *enrolment.caveats,
            *each.caveats,
            *near_suspect(enrolment, each.transcript),
            *chosen_afterwards(choices),
        ),
        transcript=each.transcript,
    )


def _abilities(enrolment: Enrolment, each: Questioned) -> Abilities:
    if enrolment.ability is None:
        return Abilities()
    suspect = math.nan if each.standing is None or each.standing.accuracy is None else each.standing.accuracy
    return Abilities(images=len(enrolment.able), suspect=suspect, victim=enrolment.ability.victim_accuracy)


def _classes(each: Questioned, yardsticks: Yardsticks) -> dict[str, Any]:
    """Return which of the victim's classes a suspect tells, and on how many queries they are compared, as data."""
    shared = yardsticks.shared(each.compared)
    total = yardsticks.enrolment.victim_answers[..., 0].numel()
    return {
        **each.classes.to_dict(),
        "shared": len(each.classes.shared),
        "victim": len(each.classes.victim),
        "queries": total if shared is None else int(shared.kept.sum()),
    }
