"""`AnswerReader`: settle on the first answers how all of a model's answers are read, and hold the later ones to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

from fpframe.models.answers.conversion import Conversion
from fpframe.models.answers.finding import find
from fpframe.models.answers.findings import Finding, Misfit
from fpframe.models.answers.holding import Holding
from fpframe.models.answers.kinds import Outputs, options
from fpframe.models.answers.reading import Reading
from fpframe.models.answers.rows import distinct
from fpframe.models.answers.single import settle_single
from fpframe.models.answers.told import as_told
from fpframe.models.answers.unread import UnreadError
from fpframe.models.answers.unwrapping import Unwrapped, unwrap

#: Kinds whose rows all sum to the same, which no other kind does by accident.
_SHARES = ("probs", "percent")


class AnswerReader:
    """Read the answers of one model.

    Attributes:
        reading: how they are read; ``None`` until answers have settled it.
    """

    def __init__(
        self, outputs: Outputs, num_classes: int, classes: Sequence[str] = (), *, usual: Outputs | None = None
    ) -> None:
        """Make a reader.

        Args:
            outputs: as what answers are to be read; ``auto`` looks at them.
            num_classes: number of classes K.
            classes: their names, as far as they are known.
            usual: what models of its sort answer with, which settles what their answers leave open.
        """
        self.reading: Reading | None = None
        self._outputs, self._num_classes, self._classes = outputs, num_classes, tuple(classes)
        self._usual: Outputs | None = usual
        self._convert: Conversion | None = None
        self._holding: Holding | None = None

    @property
    def outputs(self) -> Outputs:
        """As what answers are read; ``auto`` until answers have settled it."""
        return self._outputs if self.reading is None else self.reading.kind

    def take(self, answer: Any, count: int) -> Unwrapped:
        """Take the numbers out of the answer to a batch of `count` images.

        Raises:
            UnreadError: it holds none, or some of another shape.
        """
        taken = unwrap(answer, count, self._num_classes, self._classes)
        if tuple(taken.numbers.shape) not in ((count, self._num_classes), (count,)):
            raise UnreadError(
                f"the model answers in shape {taken.shape} where ({count}, {self._num_classes}) is expected",
                f"where it tells other classes than these {self._num_classes}, name its own with --classes",
                changed=self._convert is not None,
            )
        return taken

    def read(self, batches: Sequence[Unwrapped]) -> Tensor:
        """Return probabilities ``(N, K)``, one-hot for labels, for the answers to batches.

        Raises:
            UnreadError: they fit no reading, may be read in several ways, or are of another kind than earlier ones.
        """
        if len({batch.numbers.ndim for batch in batches}) > 1:
            raise UnreadError(
                "the model answers some images with labels and others with a number for each class",
                "let it answer the same way throughout",
                changed=True,
            )
        numbers, settled = torch.cat([batch.numbers for batch in batches]), self._convert is not None
        if self._convert is None:
            self._settle(numbers, batches[0].taken)
        elif self._holding is not None:
            self._holding.check(numbers)
        if self._convert is None:  # they show nothing yet, and mean the same however they are read
            finite = numbers.isfinite().all(1, keepdim=True)
            return torch.where(finite, F.softmax(numbers.float(), dim=1), numbers.float())
        try:
            return self._convert(numbers)
        except UnreadError as error:
            raise UnreadError(error.what, error.remedy, changed=settled) from error

    def _settle(self, numbers: Tensor, taken: str) -> None:
        if numbers.ndim == 1:
            conversion, reading = settle_single(numbers, self._outputs, self._num_classes)
        elif self._outputs != "auto":
            conversion, reading = as_told(numbers, self._outputs, self._num_classes)
        else:
            found = find(numbers)
            if found is None or (isinstance(found, Misfit) and len(numbers) > 1 and len(distinct(numbers)) == 1):
                return
            conversion, reading = self._found(found)
        said = [f"the numbers were taken from the {taken}"] if taken.startswith("member") else []
        said += [f"the answers are {taken}"] if taken and not said else []
        converted = " and ".join([*said, *([reading.converted] if reading.converted else [])])
        self._convert = conversion
        # what is known of its architecture holds for whatever images come
        self._holding = Holding.of(conversion, numbers, told=reading.told or reading.kind == self._usual)
        self.reading = attrs.evolve(reading, converted=converted)

    def _found(self, found: Finding | Misfit) -> tuple[Conversion, Reading]:
        shown = isinstance(found, Finding) and found.kind in (self._usual, *_SHARES)
        if self._usual is not None and not shown:
            conversion = Conversion(kind=self._usual, num_classes=self._num_classes)
            reading = Reading(
                kind=self._usual, told=False, evidence=found.evidence, doubt="their values alone leave that open"
            )
            return conversion, reading
        if isinstance(found, Misfit):
            raise refusal(found)
        conversion = Conversion(kind=found.kind, num_classes=self._num_classes, scale=found.scale, offset=found.offset)
        return conversion, Reading(
            kind=found.kind, told=False, evidence=found.evidence, converted=conversion.text, doubt=found.doubt
        )


def refusal(misfit: Misfit) -> UnreadError:
    """Return why answers that are something else are refused, and which option would settle it."""
    kinds = list(misfit.kinds)
    said = f"say {options(*kinds)}" if len(kinds) > 1 else f"or say {options(*kinds)}, by which labels alone are read"
    remedy = f"{misfit.remedy}, {said}" if misfit.remedy else said.removeprefix("or ")
    return UnreadError(f"the model's answers are neither clearly logits nor probabilities: {misfit.evidence}", remedy)
