"""Question one suspect: probe it, read how it answers, ask the views, and stop early where that is wanted."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from fpframe.base import Event, Listener, Note, ignore
from fpframe.decision import Test
from fpframe.enrolment import PLAIN, Enrolment
from fpframe.errors import ModelError, UsageError
from fpframe.models import Query
from fpframe.verification.caveats import answer_caveats
from fpframe.verification.detection import AUTO, NONE, look_for_filter, read_channel
from fpframe.verification.hindrances import (
    broken,
    constant,
    entangled,
    settled,
    stopped,
    swapped,
    turned,
    uncalibrated,
)
from fpframe.verification.interview import Interview
from fpframe.verification.probes import Probed, moved_share, probe
from fpframe.verification.requirements import lacking
from fpframe.verification.standing import NOT_ENROLLED, NOT_RECORDED, Standing
from fpframe.verification.transcript import NotRecordedError, Transcript
from fpframe.verification.yardstick import Yardstick
from fpframe.verification.yardsticks import Yardsticks
from fpframe.zoo import FilterChain


@attrs.frozen(kw_only=True, eq=False)
class Asking:
    """How suspects are asked and judged.

    Attributes:
        channel: what they reveal; ``auto`` reads it from their answers.
        through: the filter that they answer through; ``auto`` looks for one where answers change, ``none`` does not.
        test: how scores become a verdict; only ``sequential`` stops early.
        certify: whether a verdict has to hold with 95 % confidence in the calibration.
    """

    channel: str = AUTO
    through: str = AUTO
    test: Test = "conformal"
    certify: bool = False


@attrs.frozen(kw_only=True, eq=False)
class Questioned:
    """What a suspect answered, and what it is to be measured against.

    Attributes:
        query: the suspect.
        yardstick: the calibration that fits it.
        view_scores: one score for each view that was asked; empty where its behaviour prevents one.
        views: how many views it answered.
        behaviour: what prevents a verdict, as what it did; ``None`` when it answered properly.
        standing: how able it is, against each calibration model; ``None`` where its behaviour prevents a verdict.
        caveats: what the reader of a verdict should know of its answers.
        transcript: every answer.
    """

    query: Query
    yardstick: Yardstick
    view_scores: tuple[float, ...]
    views: int
    behaviour: Note | None
    standing: Standing | None
    caveats: tuple[Note, ...]
    transcript: Transcript


def question(
    query: Query, yardsticks: Yardsticks, asking: Asking, *, alpha: float, on_event: Listener = ignore
) -> Questioned:
    """Ask a suspect the probes, what shows how able it is, and the views, unless nothing could come of it.

    Args:
        query: the suspect.
        yardsticks: what suspects of the enrolment are measured against.
        asking: how it is asked.
        alpha: the level at which an early stop is made.
        on_event: is told of progress.

    Raises:
        UsageError: nothing is calibrated for its channel or the filter that was named.
        ModelError: it fails on the probes or the first view.
    """
    enrolment, interview = yardsticks.enrolment, Interview(query)
    lack = lacking(enrolment, asking.test)
    if lack is not None:  # nothing is asked, for no answer could help
        return _unasked(interview, yardsticks, lack)
    probed = probe(interview, enrolment.queries)
    yardstick, behaviour = _choose_yardstick(interview, probed, yardsticks, asking)
    behaviour = behaviour or broken([probed.answers.flatten(0, 1)]) or swapped(probed) or entangled(probed)
    views: list[Tensor] = []
    standing: Standing | None = None
    if not behaviour:
        standing, behaviour = _ask_ability(interview, enrolment)
    if standing is not None and not behaviour:
        views, behaviour = _ask_views(interview, probed, yardstick, standing, asking, alpha, on_event)
        behaviour = behaviour or yardsticks.agreement.astray(torch.stack(views))
    last = probed.answers[1]
    chain = FilterChain.parse(yardstick.through, yardsticks.registry) if yardstick.through else None
    if not behaviour:
        last = interview.ask(enrolment.queries.images[0, probed.positions], alone=True)
        detected = chain is not None and asking.through == AUTO
        behaviour = broken([last]) or (settled(probed, views[0], last) if detected else None)
    return Questioned(
        query=query,
        yardstick=yardstick,
        view_scores=() if behaviour else tuple(yardstick.scores(torch.stack(views))),
        views=len(views),
        behaviour=behaviour,
        standing=standing,
        caveats=(
            *query.notes,
            *([] if behaviour else _caveats(probed, last, chain, yardstick, asking)),
        ),
        transcript=_transcript(interview, enrolment, query),
    )


def _unasked(interview: Interview, yardsticks: Yardsticks, lack: Note) -> Questioned:
    return Questioned(
        query=interview.query,
        yardstick=yardsticks.of(next(iter(yardsticks.enrolment.encoders))),
        view_scores=(),
        views=0,
        behaviour=lack,
        standing=None,
        caveats=interview.query.notes,
        transcript=_transcript(interview, yardsticks.enrolment, interview.query),
    )


def _caveats(
    probed: Probed, last: Tensor, chain: FilterChain | None, yardstick: Yardstick, asking: Asking
) -> list[Note]:
    """Return what the reader of a verdict should know of the comparison that it rests on."""
    drifting = moved_share(last, probed.answers[1]) > 0
    declared, channel = asking.through != AUTO, yardstick.channel
    return [*answer_caveats(probed, chain, declared=declared, drifting=drifting, channel=channel), *yardstick.caveats]


def _choose_yardstick(
    interview: Interview, probed: Probed, yardsticks: Yardsticks, asking: Asking
) -> tuple[Yardstick, Note | None]:
    """Return the calibration that fits how the suspect answers, and what prevents a verdict where none does."""
    channel = read_channel(interview.query, probed.answers.flatten(0, 1), asking.channel)
    if asking.through != AUTO:
        return yardsticks.of(channel, PLAIN if asking.through == NONE else asking.through), None
    enrolment = yardsticks.enrolment
    found = look_for_filter(probed, interview, enrolment.queries, enrolment.able, yardsticks.registry)
    try:
        return yardsticks.of(channel, found), None
    except UsageError:
        if not found:
            raise
        return yardsticks.of(channel), uncalibrated(found)


def _ask_ability(interview: Interview, enrolment: Enrolment) -> tuple[Standing | None, Note | None]:
    """Return how able a suspect is, and what in its answers prevents a verdict."""
    if enrolment.ability is None:
        return Standing(unknown=NOT_ENROLLED), None
    try:
        answers = interview.ask(enrolment.able)
    except NotRecordedError:
        return Standing(unknown=NOT_RECORDED), None
    except ModelError as error:
        return None, stopped(error, interview.asked)
    return Standing.of(enrolment.ability, answers), broken([answers])


def _ask_views(
    interview: Interview,
    probed: Probed,
    yardstick: Yardstick,
    standing: Standing,
    asking: Asking,
    alpha: float,
    on_event: Listener,
) -> tuple[list[Tensor], Note | None]:
    """Return the answers ``(Q, K)`` to each view that was asked, and what in them prevents a verdict."""
    queries, views = yardstick.enrolment.queries, list[Tensor]()
    for images in queries.images:
        try:
            views.append(interview.ask(images))
        except ModelError as error:  # it answered the probes, so it can answer
            return views, stopped(error, interview.asked)
        on_event(Event(task="asking", done=len(views), total=queries.views))
        behaviour = broken(views) or (turned(probed, views[0]) if len(views) == 1 else None)
        if behaviour:
            return views, behaviour
        if asking.test == "sequential" and _suffices(views, yardstick, standing, asking, alpha):
            break
    return views, constant(views)


def _suffices(views: list[Tensor], yardstick: Yardstick, standing: Standing, asking: Asking, alpha: float) -> bool:
    """Tell whether a sequential test needs no further view."""
    if constant(views):  # by chance, in a small view; or always, and then more views will show it
        return False
    scores = yardstick.scores(torch.stack(views))
    decision = yardstick.decide(scores, alpha=alpha, test="sequential", certify=asking.certify, standing=standing)
    return bool(decision.stopped)


def _transcript(interview: Interview, enrolment: Enrolment, query: Query) -> Transcript:
    return Transcript(
        images=interview.images,
        answers=interview.answers,
        about={
            "queries": enrolment.queries.digest,
            "suspect": {"address": query.address, "digest": query.digest},
            "outputs": query.outputs,
            "channel": query.channel,
            "notes": [note.to_dict() for note in query.notes],
        },
    )
