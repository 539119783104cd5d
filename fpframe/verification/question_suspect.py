"""Question one suspect: how able it is, the views, and whether it answers the same images the same way again."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from fpframe.base import Event, Listener, Note, ignore
from fpframe.enrolment import PLAIN, Enrolment
from fpframe.errors import KindChangedError, ModelError, RefusedQueryError, UsageError
from fpframe.models import Query
from fpframe.models.classes import ClassMap
from fpframe.verification.asking import Asking
from fpframe.verification.caveats import CONTROL_BLURRED, NEAR_REFUSED, REPEATS_REFUSED, answer_caveats
from fpframe.verification.class_comparison import ClassComparison
from fpframe.verification.detection import AUTO, NONE, look_for_filter, read_channel
from fpframe.verification.hindrances import (
    broken,
    constant,
    entangled,
    kind_changed,
    replaced,
    silenced,
    stopped,
    swapped,
    turned,
    uncalibrated,
)
from fpframe.verification.interview import Interview
from fpframe.verification.probes import Probed, control_indices, moved_share, near_copies, probe, probe_indices
from fpframe.verification.requirements import lacking
from fpframe.verification.standing import NOT_ENROLLED, NOT_RECORDED, Standing
from fpframe.verification.transcript import NotRecordedError, Transcript, identity, is_service, service_of
from fpframe.verification.yardstick import Yardstick
from fpframe.verification.yardsticks import ALL_CLASSES, ComparedClasses, Yardsticks
from fpframe.zoo import FilterChain


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
        points: interval of the score over the points of the only view; ``None`` where there are several, or none.
        classes: which of the victim's classes it tells.
        compared: on which of them it is compared.
        caveats: what the reader of a verdict should know of its answers.
        transcript: every answer.
    """

    query: Query
    yardstick: Yardstick
    view_scores: tuple[float, ...]
    views: int
    behaviour: Note | None
    standing: Standing | None
    points: tuple[float, float] | None
    classes: ClassMap
    compared: ComparedClasses
    caveats: tuple[Note, ...]
    transcript: Transcript


def question(
    interview: Interview, yardsticks: Yardsticks, asking: Asking, *, alpha: float, on_event: Listener = ignore
) -> Questioned:
    """Ask a suspect what shows how able it is, the views, and some images again, unless nothing could come of it.

    Args:
        interview: with the suspect; it has every answer, also where this fails.
        yardsticks: what suspects of the enrolment are measured against.
        asking: how it is asked.
        alpha: the level at which an early stop is made.
        on_event: is told of progress.

    Raises:
        UsageError: nothing is calibrated for its channel or the filter that was named.
        ModelError: it fails on the probes or the first view.
    """
    lack = lacking(yardsticks.enrolment, asking.test)
    classes = ClassComparison.of(interview.query, yardsticks, asking.classes)
    lack = lack or classes.lack
    if lack is not None:  # nothing is asked, for no answer could help
        return _unasked(interview, yardsticks, lack, classes)
    course = _Course(interview, yardsticks, asking, classes, alpha=alpha, on_event=on_event)
    course.run()
    return course.questioned()


def _unasked(interview: Interview, yardsticks: Yardsticks, lack: Note, classes: ClassComparison) -> Questioned:
    return Questioned(
        query=interview.query,
        yardstick=yardsticks.of(next(iter(yardsticks.enrolment.encoders))),
        view_scores=(),
        views=0,
        behaviour=lack,
        standing=None,
        points=None,
        classes=classes.map,
        compared=ALL_CLASSES,
        caveats=(*interview.query.notes, *classes.caveats()),
        transcript=transcript_of(interview, yardsticks.enrolment),
    )


class _Course:
    """The course of questioning one suspect: what it has answered so far, and what to make of it.

    No image is sent a second time before all views are answered. A suspect that keeps a list of what it was asked, and
    answers otherwise once an image comes back, has answered what counts by then.
    """

    def __init__(
        self,
        interview: Interview,
        yardsticks: Yardsticks,
        asking: Asking,
        classes: ClassComparison,
        *,
        alpha: float,
        on_event: Listener,
    ) -> None:
        self.interview, self.yardsticks, self.asking, self.classes = interview, yardsticks, asking, classes
        self.enrolment, self.alpha, self.on_event = yardsticks.enrolment, alpha, on_event
        self.standing = Standing()
        self.views: list[Tensor] = []
        self.probed: Probed | None = None
        self.refuses_repeats = False
        self.uncontrolled: Note | None = None
        self.able: Tensor | None = None
        self.yardstick: Yardstick | None = None
        self.behaviour: Note | None = None

    def run(self) -> None:
        """Ask one thing after the other, until one of them prevents a verdict."""
        for step in (self._ask_ability, self._ask_views, self._ask_again, self._ask_on, self._compare_task):
            try:
                step()
            except ModelError as error:
                if not self.interview.asked:  # it may have been opened wrongly
                    raise
                changed = isinstance(error, KindChangedError)
                self.behaviour = (kind_changed if changed else stopped)(error, self.interview.asked)
            if self.behaviour is not None:
                return

    def questioned(self) -> Questioned:
        """Return what came of it."""
        yardstick = self.yardstick or self._calibrated(self._known_channel())
        caveats = [] if self.behaviour else self._caveats(yardstick)
        views = None if self.behaviour else self.classes.scored(self.views, yardstick.channel)
        return Questioned(
            query=self.interview.query,
            yardstick=yardstick,
            view_scores=() if views is None else tuple(yardstick.scores(views)),
            views=len(self.views),
            behaviour=self.behaviour,
            standing=self.standing,
            points=None if views is None else self._points(views, yardstick),
            classes=self.classes.map,
            compared=self.classes.compared,
            caveats=(*self.interview.query.notes, *self.classes.caveats(), *caveats),
            transcript=transcript_of(self.interview, self.enrolment),
        )

    def _points(self, views: Tensor, yardstick: Yardstick) -> tuple[float, float] | None:
        """Return the interval over the points of the only view; where there are more, their spread decides."""
        if self.enrolment.queries.views > 1:
            return None
        return yardstick.enrolment.interval_over_points(views, yardstick.channel)

    def _calibrated(self, channel: str, through: str = PLAIN) -> Yardstick:
        return self.yardsticks.of(channel, through, self.classes.compared)

    def _ask_ability(self) -> None:
        if self.enrolment.ability is None:
            self.standing, self.behaviour = Standing(unknown=NOT_ENROLLED), self.classes.unlearnt()
            return
        try:
            answers = self.interview.ask(self.enrolment.able)
        except NotRecordedError:
            self.standing, self.behaviour = Standing(unknown=NOT_RECORDED), self.classes.unlearnt()
            return
        self.able = answers
        self.behaviour = broken([answers]) or self.classes.learn(answers)
        self.standing = self.classes.standing(answers)
        self._read_channel(answers)

    def _ask_views(self) -> None:
        """Ask views, all of them or as many as a sequential test needs."""
        for images in self.enrolment.queries.images[len(self.views) :]:
            self.views.append(self.interview.ask(images))
            self.on_event(Event(task="asking", done=len(self.views), total=self.enrolment.queries.views))
            self.behaviour = broken(self.views)
            if self.behaviour is not None:
                return
            if self.yardstick is None:
                self._read_channel(self.views[0])
            elif len(self.views) == 1:
                self.behaviour = silenced(self.yardstick.channel, self.views[0], named=self.asking.channel != AUTO)
            if self.behaviour is not None or (self.asking.test == "sequential" and self._suffices()):
                break
        self.behaviour = self.behaviour or constant(self.views)

    def _ask_again(self) -> None:
        """Ask some images of the first view again, to see whether the answers are of the image alone."""
        try:
            self._probe()
        except RefusedQueryError:  # a service that was sent them before, and answered them then
            self.refuses_repeats, self.probed = True, None
        if self.behaviour is None and is_service(self.interview.query):
            self.behaviour = self._replaced()

    def _probe(self) -> None:
        self.probed = probed = probe(self.interview, self.enrolment.queries)
        self.behaviour = (
            broken([probed.answers.flatten(0, 1)])
            or swapped(probed)
            or entangled(probed)
            or turned(probed, self.views[0])
        )
        if self.behaviour is None and self.asking.through == AUTO:
            self._find_filter(probed)

    def _replaced(self) -> Note | None:
        """Look for a service that is another model than it was at first.

        It is asked near copies of the first images: one that keeps its answers knows the images themselves.
        """
        if self.probed is not None and self.probed.changing:
            self.uncontrolled = CONTROL_BLURRED
            return None
        if self.able is None:
            spaced = probe_indices(self.enrolment.queries)
            images, first = self.enrolment.queries.images[0, spaced], self.views[0][spaced]
        else:
            spaced = control_indices(len(self.able))
            images, first = self.enrolment.able[spaced], self.able[spaced]
        try:
            last = self.interview.ask(near_copies(images))
        except (RefusedQueryError, NotRecordedError):
            self.uncontrolled = NEAR_REFUSED
            return None
        return broken([last]) or replaced(first, last, unrepeated=self.probed is None)

    def _ask_on(self) -> None:
        """Ask further views, where a sequential test stopped before it was known that there is a filter."""
        if self.asking.test == "sequential" and not self._suffices():
            self._ask_views()

    def _compare_task(self) -> None:
        agreement = self.yardsticks.agreement(self.classes.compared)
        self.behaviour = self.classes.doubt(self.views) or agreement.astray(self.classes.rows(self.views))

    def _known_channel(self) -> str:
        rows = torch.cat([torch.zeros(0, self.interview.query.num_classes), *self.views])
        return read_channel(self.interview.query, rows, self.asking.channel)

    def _read_channel(self, answers: Tensor) -> None:
        channel = read_channel(self.interview.query, answers, self.asking.channel)
        through = PLAIN if self.asking.through in (AUTO, NONE) else self.asking.through
        self.yardstick = self._calibrated(channel, through)

    def _find_filter(self, probed: Probed) -> None:
        """Compare with the calibration through the filter that changing answers show, if there is one."""
        assert self.yardstick is not None
        unasked = (self.enrolment.queries.views - len(self.views)) * self.enrolment.queries.images.shape[1]
        found = look_for_filter(probed, self.interview, self.enrolment.queries, self.yardsticks.registry, unasked)
        try:
            self.yardstick = self._calibrated(self.yardstick.channel, found)
        except UsageError:
            self.behaviour = uncalibrated(found)

    def _suffices(self) -> bool:
        """Tell whether a sequential test needs no further view."""
        if constant(self.views) or self.yardstick is None:  # by chance, or always, and then more views will show it
            return False
        if self.classes.order is not None:  # there will be no verdict, and one in another order needs all answers
            return False
        decision = self.yardstick.decide(
            self.yardstick.scores(self.classes.scored(self.views, self.yardstick.channel)),
            alpha=self.alpha,
            test="sequential",
            certify=self.asking.certify,
            standing=self.standing,
        )
        return bool(decision.stopped)

    def _caveats(self, yardstick: Yardstick) -> list[Note]:
        """Return what the reader of a verdict should know of the comparison that it rests on."""
        probed, uncontrolled = self.probed, [self.uncontrolled] if self.uncontrolled else []
        if probed is None:
            return [REPEATS_REFUSED, *uncontrolled, *yardstick.caveats] if self.refuses_repeats else []
        chain = FilterChain.parse(yardstick.through, self.yardsticks.registry) if yardstick.through else None
        drifting = moved_share(self.views[0][probed.positions], probed.answers[1]) > 0
        named = self.asking.through != AUTO
        return [
            *answer_caveats(probed, chain, declared=named, drifting=drifting, channel=yardstick.channel),
            *uncontrolled,
            *yardstick.caveats,
        ]


def transcript_of(interview: Interview, enrolment: Enrolment) -> Transcript:
    """Return what a suspect was asked and has answered so far."""
    query = interview.query
    reading = query.reading
    service = service_of(query)
    return Transcript(
        images=interview.images,
        answers=interview.answers,
        about={
            "queries": enrolment.queries.digest,
            "suspect": identity(query),
            "outputs": query.outputs,
            "reading": reading and reading.to_dict(),
            "channel": query.channel,
            "notes": [note.to_dict() for note in query.notes if not reading or note not in reading.notes],
            "class_names": list(query.class_names),
            **({"service": service} if service else {}),
        },
    )
