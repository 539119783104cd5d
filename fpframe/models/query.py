"""`Query`: counted black-box access to a model, the only way in which a teacher or suspect is ever asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from fpframe.base import Note
from fpframe.errors import FpframeError, ModelError, ResourceError, UsageError, first_line
from fpframe.models.channel import PROBS, TOP1

Outputs = Literal["auto", "logits", "probs", "labels"]
OUTPUTS: tuple[str, ...] = ("auto", "logits", "probs", "labels")

#: How far a probability may lie outside [0, 1] by rounding errors.
_SLACK = 1e-3


class Query:
    """Ask a model about images and count what was asked.

    Attributes:
        num_classes: number of classes K.
        address: what the model was called by, for the record.
        digest: SHA-256 of the model's file or weights, empty when it has neither.
        architecture: address of the network that was built for it, where that is known.
        spent: images asked so far.
    """

    def __init__(
        self,
        ask: Callable[[Tensor], Tensor],
        *,
        num_classes: int,
        outputs: Outputs = "auto",
        batch_size: int = 256,
        max_queries: int | None = None,
        address: str = "",
        digest: str = "",
    ) -> None:
        if outputs not in OUTPUTS:
            raise UsageError(f"'outputs' must be one of {', '.join(OUTPUTS)} (got '{outputs}')")
        if batch_size < 1:
            raise UsageError(f"'batch_size' must be at least 1 (got {batch_size})")
        if max_queries is not None and max_queries < 1:
            raise UsageError(f"'max_queries' must be at least 1 (got {max_queries})")
        self._ask = ask
        self._outputs: Outputs = outputs
        self.num_classes = num_classes
        self.batch_size = batch_size
        self.max_queries = max_queries
        self.address = address
        self.digest = digest
        self.architecture = ""
        self.spent = 0
        self._notes: tuple[Note, ...] = ()

    @property
    def notes(self) -> tuple[Note, ...]:
        """What the reader of a verdict should know of how the model was opened.

        Set it to sentences, or to a `Note` where programs should tell it apart; a bare sentence gets the code
        ``suspect-source``.
        """
        return self._notes

    @notes.setter
    def notes(self, notes: Iterable[Note | str]) -> None:
        self._notes = tuple(note if isinstance(note, Note) else Note("suspect-source", note) for note in notes)

    @property
    def channel(self) -> str | None:
        """What the answers reveal (``probs`` or ``top1``); ``None`` while it is not yet known."""
        if self._outputs == "auto":
            return None
        return TOP1 if self._outputs == "labels" else PROBS

    @property
    def outputs(self) -> Outputs:
        """How raw answers are read; ``auto`` until the first answer has settled it."""
        return self._outputs

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
            ModelError: the model fails on the images, or its answers fit no reading.
        """
        self.require(len(pixels))
        if not len(pixels):
            return torch.zeros(0, self.num_classes)
        rows = [self._probabilities(self._answer(batch), len(batch)) for batch in self._batches(pixels)]
        return torch.cat(rows)

    def _batches(self, pixels: Tensor) -> Iterator[Tensor]:
        for batch in torch.split(pixels, self.batch_size):
            self.spent += len(batch)
            yield batch

    def _answer(self, batch: Tensor) -> Tensor:
        try:
            with torch.no_grad():
                # copies of both: a model may write into its images, or hand out the same memory with every batch
                answer = torch.as_tensor(self._ask(batch.clone())).detach().to("cpu", copy=True)
        except FpframeError:
            raise
        except torch.OutOfMemoryError as error:
            raise ResourceError(
                f"{len(batch)} images at a time are too many for the memory ({self.address or 'suspect'}); "
                "lower --batch-size"
            ) from error
        except Exception as error:
            raise ModelError(
                f"the model failed on images of shape {tuple(batch.shape)}: {first_line(error)} "
                f"({self.address or 'suspect'}); check its input shape and preprocessing"
            ) from error
        return answer

    def _probabilities(self, answer: Tensor, rows: int) -> Tensor:
        if self._outputs == "auto":
            self._outputs = infer_outputs(answer, self.num_classes)
        if self._outputs == "labels":
            return self._one_hot(answer, rows)
        if answer.shape != (rows, self.num_classes):
            raise ModelError(
                f"the model answers in shape {tuple(answer.shape)} where ({rows}, {self.num_classes}) is "
                f"expected ({self.address or 'suspect'}); it must tell the same {self.num_classes} classes "
                "as the victim"
            )
        answer = answer.to(torch.float32)
        if self._outputs == "logits":
            return F.softmax(answer, dim=1)
        # NaN and Inf pass, for a verdict must see them
        finite = answer[answer.isfinite()]
        if bool(((finite < -_SLACK) | (finite > 1 + _SLACK)).any()):
            raise ModelError(
                f"the model answers with values from {finite.min():.3g} to {finite.max():.3g} where "
                f"probabilities are expected ({self.address or 'suspect'}); say --outputs logits"
            )
        return answer

    def _one_hot(self, answer: Tensor, rows: int) -> Tensor:
        if answer.shape == (rows, self.num_classes) and _is_one_hot(answer):
            return answer.to(torch.float32)
        labels = answer.reshape(-1)
        if labels.shape != (rows,):
            raise ModelError(
                f"the model answers in shape {tuple(answer.shape)} where ({rows},) labels are expected "
                f"({self.address or 'suspect'}); say --outputs logits or probs"
            )
        finite = labels[labels.isfinite()]
        if finite.is_floating_point() and bool((finite != finite.round()).any()):
            raise ModelError(
                "the model answers with fractions where whole labels are expected "
                f"({self.address or 'suspect'}); say --outputs logits or probs"
            )
        if bool(((finite < 0) | (finite >= self.num_classes)).any()):
            raise ModelError(
                f"the model answers with labels outside 0..{self.num_classes - 1} "
                f"({self.address or 'suspect'}); it must tell the same {self.num_classes} classes "
                "as the victim"
            )
        known = labels.isfinite()
        answers = F.one_hot(labels.where(known, 0).long(), self.num_classes).to(torch.float32)
        # a label that is NaN is not a label, and a verdict must see it
        return answers.where(known[:, None], torch.nan)


def infer_outputs(answer: Tensor, num_classes: int) -> Outputs:
    """Read from the first answers whether a model reveals logits, probabilities or labels.

    Probabilities may be rounded to one decimal or more, and labels may be integer one-hot rows. When no row
    is finite nothing can be told: ``auto`` is returned.
    """
    if answer.ndim == 1 or (answer.ndim == 2 and answer.shape[1] == 1 != num_classes):
        return "labels"
    if answer.ndim != 2:
        return "logits"
    finite = answer[answer.isfinite().all(1)]
    if not len(finite):
        return "auto"
    if not answer.is_floating_point() and _is_one_hot(finite):
        return "labels"
    rows = finite.double()
    inside = bool(((rows >= -_SLACK) & (rows <= 1 + _SLACK)).all())
    sums_to_one = bool(((rows.sum(1) - 1).abs() <= _sum_tolerance(rows)).all())
    return "probs" if inside and sums_to_one else "logits"


def _is_one_hot(rows: Tensor) -> bool:
    return bool((((rows == 0) | (rows == 1)).all(1) & ((rows == 1).sum(1) == 1)).all())


def _sum_tolerance(rows: Tensor) -> float:
    """Return how far the sum of a row may be from 1, given the decimals that the answers are rounded to."""
    for decimals in (1, 2, 3):
        if bool(((rows - rows.round(decimals=decimals)).abs() < 1e-6).all()):
            return max(1e-2, rows.shape[1] * 0.5 * 10.0**-decimals)
    return 1e-2
