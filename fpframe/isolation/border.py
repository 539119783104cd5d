"""What crosses the border between whoever asks and a suspect: facts, pixels, answers, failures; nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import attrs
from torch import Tensor

from fpframe.base import Note
from fpframe.isolation.failure import Failure
from fpframe.isolation.request import OpeningRequest
from fpframe.models import Outputs, Query, ReadAlready, Reading


@attrs.frozen
class HowRead:
    """How answers are read, as far as it is known yet.

    Attributes:
        outputs: as what raw answers are read.
        channel: what they reveal.
        reading: how they are read, and why; ``None`` until the first ones have settled it.
    """

    outputs: Outputs
    channel: str | None
    reading: Reading | None = None

    @classmethod
    def of(cls, query: Query) -> HowRead:
        """Return how the answers of an open suspect are read."""
        return cls(query.outputs, query.channel, query.reading)


@attrs.frozen(kw_only=True)
class Facts:
    """What is known of a suspect that was opened.

    Attributes:
        address: what it was called by.
        digest: SHA-256 of its file or weights; empty when it has neither.
        architecture: address of the network that was built for it; empty where that is not known.
        preparation: how images are prepared for it, as text.
        notes: what the reader of a verdict should know of how it was opened.
        reading: how its answers will be read.
        class_names: what its own files call its classes, in its order; empty where nothing does.
    """

    address: str
    digest: str
    architecture: str
    preparation: str
    notes: tuple[Note, ...]
    reading: HowRead
    class_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, query: Query) -> Facts:
        """Return what is known of an open suspect."""
        return cls(
            address=query.address,
            digest=query.digest,
            architecture=query.architecture,
            preparation=query.preparation,
            notes=query.notes,
            reading=HowRead.of(query),
            class_names=query.class_names,
        )

    def num_classes(self, request: OpeningRequest) -> int:
        """Return with how many classes it answers: those that it names, or as many as were asked for."""
        return len(self.class_names) or request.num_classes


@attrs.frozen(kw_only=True, eq=False)
class Answers:
    """What a suspect answered to one batch.

    Attributes:
        rows: probabilities ``(N, K)``, one-hot for labels.
        reading: how they were read.
    """

    rows: Tensor
    reading: HowRead


class Session(Protocol):
    """One suspect that was opened, seen from the side of whoever asks."""

    @property
    def facts(self) -> Facts:
        """What is known of it."""

    def ask(self, pixels: Tensor) -> Answers | Failure:
        """Return its answers to one batch of pixels ``(N, C, H, W)`` in [0, 1]."""


def answer(query: Query, pixels: Tensor) -> Answers | Failure:
    """Ask a suspect on its own side of the border."""
    try:
        return Answers(rows=query(pixels), reading=HowRead.of(query))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Failure.of(error, "raised", address=query.address)


class IsolatedQuery(Query):
    """Counted access to a suspect on the other side of the border, whose answers are checked on this one."""

    def __init__(self, session: Session, request: OpeningRequest) -> None:
        self._asker = _Asker(session)
        num_classes = session.facts.num_classes(request)
        super().__init__(
            self._asker,
            num_classes=num_classes,
            reader=ReadAlready(num_classes),
            batch_size=request.at_once,
            max_queries=request.max_queries,
            address=session.facts.address,
            digest=session.facts.digest,
        )
        self.architecture = session.facts.architecture
        self.class_names = session.facts.class_names
        self.preparation = session.facts.preparation
        #: What it has answered so far, on disk; ``None`` where nothing is kept.
        self.journal: Any = getattr(session, "journal", None)
        self.notes = session.facts.notes

    def tell_while_waiting(self, tell: Callable[[], None]) -> None:
        """Call something once a second while answers are waited for, where the suspect is in another process."""
        beat = getattr(self._asker.session, "beat", None)
        if beat is not None:
            beat.tell = tell

    @property
    def channel(self) -> str | None:
        """What the answers reveal; ``None`` while it is not yet known."""
        return self._asker.reading.channel

    @property
    def outputs(self) -> Outputs:
        """How raw answers are read; ``auto`` until the first answers have settled it."""
        return self._asker.reading.outputs

    @property
    def reading(self) -> Reading | None:
        """How raw answers are read, and why."""
        return self._asker.reading.reading


class _Asker:
    """Asks a session. The query refers to it and not to itself, so that with the query its session goes at once."""

    def __init__(self, session: Session) -> None:
        self.reading, self.session = session.facts.reading, session

    def __call__(self, pixels: Tensor) -> Tensor:
        said = self.session.ask(pixels)
        if isinstance(said, Failure):
            said.throw()
        self.reading = said.reading
        return said.rows
