"""`Recording`: what a model of a zoo says when asked like a suspect. It is asked once, and its answers are kept."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import torch
from torch import Tensor

from fpframe.base import Event, Listener, ignore, tensors_digest
from fpframe.interfaces import AnswerFilter
from fpframe.models import PROBS, Query, QuerySet, through_channel
from fpframe.registry import Registry
from fpframe.verification.detection import look_for_filter
from fpframe.verification.interview import Interview
from fpframe.verification.probes import probe
from fpframe.verification.transcript import RecordedQuery
from fpframe.zoo import Zoo, ZooModel, answers_vary, ask_once

#: Kind of what is stored. The number is raised when the same models would be asked, or would answer, differently.
_KIND = ("recording", "2")


@attrs.frozen(kw_only=True, eq=False)
class Recording:
    """All that a verification may ask a model, and what it answered, in the order of asking.

    Attributes:
        model: the model.
        images: SHA-256 of each image ``(N, 32)``, bytes.
        answers: probabilities ``(N, K)``, cut down to the channel that the model was to answer in.
        queries: the query set.
        able: how many images on ability come first.
        seconds: what loading and asking the model took, in this run or in an earlier one.
    """

    model: ZooModel
    images: Tensor
    answers: Tensor
    queries: QuerySet
    able: int
    seconds: float

    @property
    def views(self) -> Tensor:
        """The answers ``(V, Q, K)`` to the query set; they come after those on ability."""
        rows = self.answers[self.able : self.able + self.queries.queries]
        return rows.reshape(*self.queries.images.shape[:2], -1)

    def suspect(self) -> Query:
        """Return the model as a suspect that has been asked nothing yet, and answers what the model answered."""
        address = str(self.model.lineage)
        about = {"queries": self.queries.digest, "outputs": PROBS, "suspect": {"address": address, "digest": ""}}
        keys = [row.tobytes() for row in self.images.numpy()]
        query = RecordedQuery(
            keys, self.answers.numpy(), about, once=False, num_classes=self.answers.shape[1], address=address
        )
        query.notes = ()  # nobody has to be believed: the model was asked by ourselves
        return query


def recording_of(zoo: Zoo, model: ZooModel, queries: QuerySet, able: Tensor, channel: str) -> Recording:
    """Return what a model of a zoo says in a channel when it is asked whatever a suspect may be asked.

    A model that always gives the same answer to an image is asked once for all channels, and its answers are cut down.
    One behind a filter that draws by chance is asked in each: what it is asked depends on how it answers, and so does
    what it answers on how much it was asked before.

    Args:
        zoo: the zoo.
        model: one of its models.
        queries: the query set.
        able: the 8-bit images ``(A, C, H, W)`` that ability is measured on.
        channel: what the model reveals.

    Raises:
        UsageError: there is no such channel.
        IntegrityError: it was not asked before, and is not stored or has no weights.
    """
    registry = zoo.workspace.registry
    varies = answers_vary(model.lineage, registry)

    def ask(query: Query) -> dict[str, Tensor]:
        return _ask_like_suspect(_in_channel(query, channel) if varies else query, queries, able, registry)

    seen = tensors_digest({"able": able})
    asked = [queries.digest, str(queries.views), seen, *((channel, *_filters(registry)) if varies else ())]
    found = ask_once(zoo, model, ask, kind=_KIND, asked=asked)
    return Recording(
        model=model,
        images=found.tensors["images"],
        answers=through_channel(found.tensors["answers"], channel),
        queries=queries,
        able=len(able),
        seconds=found.seconds,
    )


def keep_recordings(
    zoo: Zoo, queries: QuerySet, able: Tensor, channels: Sequence[str], *, on_event: Listener = ignore
) -> None:
    """Ask the held-out models of a zoo like suspects, so that they can be judged later without their weights.

    Args:
        zoo: the zoo.
        queries: the query set.
        able: the 8-bit images ``(A, C, H, W)`` that ability is measured on.
        channels: what the models reveal.
        on_event: is told of progress.

    Raises:
        UsageError: there is no such channel.
        IntegrityError: a model was not asked before, and is not stored or has no weights.
    """
    models = zoo.of("test")
    for done, model in enumerate(models, start=1):
        for channel in channels:
            recording_of(zoo, model, queries, able, channel)
        on_event(Event(task="asking the zoo like suspects", done=done, total=len(models)))


def _ask_like_suspect(query: Query, queries: QuerySet, able: Tensor, registry: Registry) -> dict[str, Tensor]:
    """Ask a model all that a verification may ask, in its order, whether the verification would end before or not."""
    interview = Interview(query)
    interview.ask(able)
    for images in queries.images:
        interview.ask(images)
    look_for_filter(probe(interview, queries), interview, queries, registry)
    return {"images": torch.from_numpy(interview.images.copy()), "answers": torch.from_numpy(interview.answers)}


def _in_channel(query: Query, channel: str) -> Query:
    """Return access to a model that reveals no more than a channel."""

    def ask(pixels: Tensor) -> Tensor:
        return through_channel(query(pixels), channel)

    return Query(ask, num_classes=query.num_classes, outputs="probs", batch_size=query.batch_size)


def _filters(registry: Registry) -> list[str]:
    """Return what decides which images are asked to find out about a filter: those that look for themselves."""
    made = [registry.create(AnswerFilter.kind, name) for name in registry.names(AnswerFilter.kind)]
    usual = AnswerFilter.detect.__func__  # type: ignore[attr-defined]  # of a class method
    looking = [each for each in made if type(each).detect.__func__ is not usual]
    return [f"{each.package}:{each.name}:{each.revision}" for each in looking]
