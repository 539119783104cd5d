"""`Query`: counted black-box access to a model, the only way in which a teacher or suspect is ever asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from fpframe.base import Note
from fpframe.errors import FpframeError, ModelError, ResourceError, UsageError
from fpframe.models.answers import OUTPUTS, AnswerReader, Outputs, ReadAlready, Reading, UnreadError, Unwrapped
from fpframe.models.channel import PROBS, TOP1
from fpframe.models.failing import explained
from fpframe.models.gathering import gathered
from fpframe.models.pixels import Pixels
from fpframe.spending import Meter


class Query:
    """Ask a model about images and count what was asked.

    Attributes:
        num_classes: number of classes K.
        address: what the model was called by, for the record.
        digest: SHA-256 of the model's file or weights, empty when it has neither.
        architecture: address of the network that was built for it, where that is known.
        network: what is asked, where it is a network of this process that answers with logits or what wraps them;
            pixels are prepared for it before.
        preparation: how images are prepared for it, as text; empty where it gets them as they are, or prepares them
            itself.
        spent: images asked so far.
        ask_all: from batches of pixels to their answers in the same order, for a model that is asked several at once;
            ``None`` asks one after the other.
        meter: what a service tells of itself, such as what was spent; ``None`` for whatever is not one.
        on_asked: is called after each batch that was answered.
    """

    def __init__(
        self,
        ask: Callable[[Tensor], Any],
        *,
        num_classes: int,
        outputs: Outputs = "auto",
        batch_size: int = 256,
        max_queries: int | None = None,
        address: str = "",
        digest: str = "",
        classes: Sequence[str] = (),
        reader: AnswerReader | ReadAlready | None = None,
    ) -> None:
        """Open access to a model.

        Args:
            ask: from pixels ``(N, C, H, W)`` to answers, as tensors, arrays, lists or what libraries wrap around them.
            num_classes: number of classes K.
            outputs: as what answers are to be read; ``auto`` looks at the first ones.
            batch_size: images per call.
            max_queries: most images that may be asked.
            address: what the model was called by.
            digest: SHA-256 of its file or weights.
            classes: the names of the classes, for a model that answers with names.
            reader: reads the answers; ``None`` makes one for `outputs`.

        Raises:
            UsageError: an option is impossible.
        """
        if outputs not in OUTPUTS:
            raise UsageError(f"'outputs' must be one of {', '.join(OUTPUTS)} (got '{outputs}')")
        if batch_size < 1:
            raise UsageError(f"'batch_size' must be at least 1 (got {batch_size})")
        if max_queries is not None and max_queries < 1:
            raise UsageError(f"'max_queries' must be at least 1 (got {max_queries})")
        self._ask = ask
        self._reader = AnswerReader(outputs, num_classes, classes) if reader is None else reader
        self.num_classes = num_classes
        self.batch_size = batch_size
        self.max_queries = max_queries
        self.address = address
        self.digest = digest
        self.architecture = ""
        self.network: nn.Module | None = None
        self.preparation = ""
        self.spent = 0
        self.ask_all: Callable[[Sequence[Tensor]], Iterator[Any]] | None = None
        self.meter: Meter | None = None
        self.on_asked: Callable[[], None] | None = None
        self._notes: tuple[Note, ...] = ()
        self._class_names: tuple[str, ...] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the model's own files call its classes, in its order; empty where nothing does.

        Whoever opens a model sets it, such as a suspect source that finds ``id2label``. A model that tells other
        classes than the victim is then compared on those that both have.

        Raises:
            ModelError: when it is set, these are not K texts.
        """
        return self._class_names

    @class_names.setter
    def class_names(self, names: Iterable[str]) -> None:
        given = tuple(names)
        if given and len(given) != self.num_classes:
            raise ModelError(
                f"the model's files name {len(given)} classes, and it answers with {self.num_classes} "
                f"({self.address or 'suspect'}); name its classes with --classes"
            )
        if not all(isinstance(name, str) for name in given):
            raise ModelError(f"the model's files name classes by something else than texts ({self.address})")
        self._class_names = given

    @property
    def notes(self) -> tuple[Note, ...]:
        """What the reader of a verdict should know of how the model was opened and its answers are read.

        Set it to sentences, or to a `Note` where programs should tell it apart; a bare sentence gets the code
        ``suspect-source``.
        """
        reading = self.reading
        return (*self._notes, *(reading.notes if reading else ()))

    @notes.setter
    def notes(self, notes: Iterable[Note | str]) -> None:
        self._notes = tuple(note if isinstance(note, Note) else Note("suspect-source", note) for note in notes)

    @property
    def channel(self) -> str | None:
        """What the answers reveal (``probs`` or ``top1``); ``None`` while it is not yet known."""
        if self._reader.outputs == "auto":
            return None
        return TOP1 if self._reader.outputs == "labels" else PROBS

    @property
    def outputs(self) -> Outputs:
        """How raw answers are read; ``auto`` until the first answers have settled it."""
        return self._reader.outputs

    @property
    def reading(self) -> Reading | None:
        """How raw answers are read, and why; ``None`` until the first answers have settled it."""
        return self._reader.reading

    def require(self, count: int) -> None:
        """Make sure that `count` more images may be asked.

        Raises:
            ResourceError: they would go over ``max_queries``; nothing was asked.
        """
        if self.max_queries is not None and self.spent + count > self.max_queries:
            raise ResourceError(
                f"{count} more queries are needed but only {self.max_queries - self.spent} are left of "
                f"{self.max_queries} ({self.address or 'suspect'}); raise --max-queries, or enroll with fewer "
                "points and views"
            )

    def __call__(self, pixels: Tensor) -> Tensor:
        """Return probabilities ``(N, K)`` (one-hot rows for labels) for pixels ``(N, C, H, W)`` in [0, 1].

        Raises:
            ResourceError: the images would go over ``max_queries``; nothing was asked then.
            TransportError: the model could not be reached.
            ModelError: the model fails on the images, or its answers fit no reading.
        """
        self.require(len(pixels))
        if not len(pixels):
            return torch.zeros(0, self.num_classes)
        # all batches first: the more answers are seen at once, the surer it is what they are
        batches = torch.split(pixels, self.batch_size)
        answers = self.ask_all(batches) if self.ask_all is not None else map(self._asked, batches)
        return self._read([self._answer(batch, answers) for batch in batches])

    def answers(self, pixels: Tensor | Pixels) -> Tensor:
        """Return what a call returns for pixels ``(N, C, H, W)``, of which no more than a batch is in memory.

        Raises:
            ResourceError: the images would go over ``max_queries``; nothing was asked then.
            TransportError: the model could not be reached.
            ModelError: the model fails on the images, or its answers fit no reading.
        """
        if isinstance(pixels, Tensor):
            return self(pixels)
        self.require(len(pixels))
        return gathered(len(pixels), (self(batch) for batch in pixels.split(self.batch_size)))

    def _asked(self, batch: Tensor) -> Any:
        with torch.no_grad():
            return self._ask(batch.clone())  # a copy, for a model may write into its images

    def _answer(self, batch: Tensor, answers: Iterator[Any]) -> Unwrapped:
        self.spent += len(batch)
        try:
            taken = self._reader.take(next(answers), len(batch))
            if self.on_asked is not None:
                self.on_asked()
            return taken
        except UnreadError as error:
            raise error.at(self.address) from error
        except FpframeError:
            raise
        except Exception as error:
            raise explained(error, batch, self.address) from error

    def _read(self, answers: list[Unwrapped]) -> Tensor:
        try:
            return self._reader.read(answers)
        except UnreadError as error:
            raise error.at(self.address) from error
