"""Question one suspect: probe it, read how it answers, ask the views, and stop early where that is wanted."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from fpframe.enrolment import Enrolment
from fpframe.enrolment.calibration import PLAIN
from fpframe.errors import UsageError
from fpframe.events import Event, Listener
from fpframe.query import Query
from fpframe.registry import Registry
from fpframe.verification.interview import Interview
from fpframe.verification.probing import misplaced, probe, probe_for_filters
from fpframe.verification.reading import (
    AUTO,
    NONE,
    REORDERED,
    answer_caveats,
    behaviour_of,
    detect_filter,
    read_channel,
    uncalibrated,
)
from fpframe.verification.recording import Transcript
from fpframe.verification.yardstick import Test, Yardstick
from fpframe.zoo.filters import FilterChain


@attrs.frozen(kw_only=True, eq=False)
class Asking:
    """How a suspect is to be asked.

    Attributes:
        channel: what it reveals; ``auto`` reads it from its answers.
        through: the filter that it answers through; ``auto`` looks for one where its answers change, ``none`` does not.
        test: how scores become a verdict; only ``sequential`` stops early.
        certify: whether a verdict has to hold with 95 % confidence in the calibration.
        alpha: the level at which an early stop is made.
    """

    channel: str
    through: str
    test: Test
    certify: bool
    alpha: float


@attrs.frozen(kw_only=True, eq=False)
class Questioned:
    """What a suspect answered, and what it is to be measured against.

    Attributes:
        query: the suspect.
        yardstick: the calibration that fits it.
        view_scores: one score for each view that was asked; empty where its behaviour prevents one.
        behaviour: what it did that prevents a verdict; empty when it answered properly.
        caveats: what the reader of a verdict should know of its answers.
        transcript: every answer.
    """

    query: Query
    yardstick: Yardstick
    view_scores: tuple[float, ...]
    behaviour: str
    caveats: tuple[str, ...]
    transcript: Transcript


def question(
    query: Query, enrolment: Enrolment, asking: Asking, *, registry: Registry, on_event: Listener
) -> Questioned:
    """Ask a suspect the probes and the views.

    Raises:
        UsageError: nothing is calibrated for its channel or the filter that was named.
        ModelError: it fails on the images.
    """
    queries, interview = enrolment.queries, Interview(query)
    probed = probe(interview, queries)
    channel = read_channel(query, probed.answers.flatten(0, 1), asking.channel)
    through = asking.through if asking.through != NONE else PLAIN
    if through == AUTO:
        through = detect_filter(probe_for_filters(probed, interview, queries), registry) if probed.changing else PLAIN
    try:
        yardstick, behaviour = Yardstick.of(enrolment, channel, through, registry=registry), ""
    except UsageError:
        if asking.through != AUTO or not through:
            raise
        yardstick, behaviour = Yardstick.of(enrolment, channel, registry=registry), uncalibrated(through)
    views: list[Tensor] = []
    for images in () if behaviour else queries.images:
        views.append(interview.ask(images))
        on_event(Event(task="asking", done=len(views), total=queries.views))
        if len(views) == 1 and (probed.swapped or misplaced(probed, views[0])):
            behaviour = REORDERED
        if asking.test == "sequential" and _suffices(views, yardstick, asking, behaviour):
            break
    behaviour = behaviour or behaviour_of(views)
    chain = FilterChain.parse(through, registry) if through else None
    return Questioned(
        query=query,
        yardstick=yardstick,
        view_scores=() if behaviour else tuple(yardstick.scores(torch.stack(views))),
        behaviour=behaviour,
        caveats=(
            *query.notes,
            *answer_caveats(probed, chain, declared=asking.through != AUTO),
            *yardstick.caveats,
        ),
        transcript=_transcript(interview, enrolment, query),
    )


def _suffices(views: list[Tensor], yardstick: Yardstick, asking: Asking, behaviour: str) -> bool:
    """Tell whether a sequential test needs no further view, or cannot use one."""
    if behaviour or behaviour_of(views):
        return True
    scores = yardstick.scores(torch.stack(views))
    return bool(yardstick.decide(scores, alpha=asking.alpha, test="sequential", certify=asking.certify).stopped)


def _transcript(interview: Interview, enrolment: Enrolment, query: Query) -> Transcript:
    return Transcript(
        images=interview.images,
        answers=interview.answers,
        about={
            "queries": enrolment.queries.digest,
            "suspect": {"address": query.address, "digest": query.digest},
            "outputs": query.outputs,
            "channel": query.channel,
            "notes": list(query.notes),
        },
    )
