"""`AnswerFilter`: what a suspect does to questions and answers before it gives them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, Literal, Self

import attrs
import torch
from torch import Tensor

from fpframe.errors import UsageError
from fpframe.interfaces.component import Component
from fpframe.interfaces.fence import fenced, require
from fpframe.models import TOP1, Outputs, Query, ReadAlready, Reading

Change = Callable[[Tensor], Tensor]


@attrs.frozen(kw_only=True, eq=False)
class Probe:
    """What a suspect said when it was asked the same images again, and it did not say the same.

    Attributes:
        pixels: the images ``(P, C, H, W)`` in [0, 1].
        answers: probabilities ``(R, P, K)`` of R rounds of asking them.
        ask: asks the suspect further images ``(N, C, H, W)`` and returns ``(N, K)``; they count as queries.
    """

    pixels: Tensor
    answers: Tensor
    ask: Change


class AnswerFilter(Component):
    """Wrap a suspect so that it answers through a filter: an evasion, or an interface that reveals less.

    A filter trains nothing and leaves the model as it is. It may change the images before the model sees them, the
    answers after it gave them, or both; `FilteredQuery` takes the two functions and keeps the books. Filters may be
    wrapped around each other: the outermost one sees the images first and the answers last.

    Images are float32 pixels ``(N, C, H, W)`` in [0, 1] before and after. Answers are probabilities ``(N, K)``, or
    one-hot rows where the model reveals labels only. Rows that are not finite must stay so, for a verdict must see
    them.

    A filter that draws random numbers draws fresh ones for each image that it is asked, as a defender does: the same
    image asked twice may get two answers. They come from a stream that `wrap` seeds, and are drawn image by image, so
    that the same questions in the same order get the same answers, however they are cut into batches.

    The first field names the variety, for it is what stands in a lineage such as ``victim->jpeg(75)``.

    Attributes:
        needs: what the wrapped query must reveal. With ``probs`` a query that reveals labels only is refused with a
            `UsageError`: at once where its channel is known, otherwise after its first answers.
    """

    kind = "filter"
    needs: ClassVar[Literal["probs", "any"]] = "any"

    @abstractmethod
    def wrap(self, query: Query, *, seed: int) -> Query:
        """Return access to the same model through the filter.

        Every image is counted by the returned query and by the wrapped one, and the limits of both hold. The address
        is that of the wrapped query, a bar and `spec`, such as ``suspect.onnx|jpeg(quality=75)``; the digest is the
        model's own.

        Raises:
            UsageError: the filter cannot be put before this query.
        """

    @classmethod
    def detect(cls, probe: Probe) -> Self | None:
        """Return the filter that explains why a suspect's answers change between repeats; ``None`` where it does not.

        A suspect for which a filter is found is judged against independent models that answer through the same one. A
        filter that cannot be told from others stays silent: a changing suspect is then judged as it is, with a caveat.
        """
        return None


class FilteredQuery(Query):
    """Access to a model through an `AnswerFilter`.

    Args:
        query: the query to wrap. It reads, checks and batches the model's answers as before.
        by: the filter.
        images: from pixels ``(N, C, H, W)`` in [0, 1] to pixels of the same kind; ``None`` leaves them.
        answers: from probabilities ``(N, K)`` to probabilities ``(N, K)``; ``None`` leaves them.
        labels: whether the answers are one-hot rows of the top-1 label, so that the channel is ``top1``.
    """

    def __init__(
        self,
        query: Query,
        by: AnswerFilter,
        *,
        images: Change | None = None,
        answers: Change | None = None,
        labels: bool = False,
    ) -> None:
        super().__init__(
            query,
            num_classes=query.num_classes,
            reader=ReadAlready(query.num_classes),
            batch_size=query.batch_size,
            address=f"{query.address or 'suspect'}|{by.spec()}",
            digest=query.digest,
        )
        self.notes = query.notes
        self.class_names = query.class_names
        self._query = query
        self._labels = labels
        self._filter = by
        self._change_images = images
        self._change_answers = answers
        self._refuse_labels()

    @property
    def inner(self) -> Query:
        """The query that is wrapped."""
        return self._query

    @property
    def changes_images(self) -> bool:
        """Whether the model sees other images than it is asked, so that its recorded answers cannot be filtered."""
        return self._change_images is not None

    @property
    def channel(self) -> str | None:
        """What the answers reveal; ``None`` while that of the wrapped query is not yet known."""
        return TOP1 if self._labels else self._query.channel

    @property
    def outputs(self) -> Outputs:
        """How the model's raw answers are read; ``labels`` where the filter reveals no more."""
        return "labels" if self._labels else self._query.outputs

    @property
    def reading(self) -> Reading | None:
        """How the model's raw answers are read, and why."""
        return self._query.reading

    def require(self, count: int) -> None:
        """Make sure that `count` more images may be asked, here and of the wrapped query.

        Raises:
            ResourceError: they would go over a limit; nothing was asked.
        """
        super().require(count)
        self._query.require(count)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Return probabilities ``(N, K)`` for pixels ``(N, C, H, W)`` in [0, 1].

        Raises:
            ResourceError: the images would go over a limit; nothing was asked then.
            ModelError: the model fails on the images, or its answers fit no reading.
            UsageError: the filter needs probabilities and the model reveals labels only.
        """
        self.require(len(pixels))
        if not len(pixels):
            return torch.zeros(0, self.num_classes)
        return torch.cat([self._filtered(batch) for batch in torch.split(pixels, self.batch_size)])

    def _filtered(self, batch: Tensor) -> Tensor:
        self.spent += len(batch)
        answers = self._query(self._changed(batch, self._change_images, "changing images"))
        self._refuse_labels()
        return self._changed(answers, self._change_answers, "changing answers")

    def _changed(self, given: Tensor, change: Change | None, doing: str) -> Tensor:
        if change is None:
            return given
        with fenced(self._filter, doing=doing):
            made = change(given)
        return require(self._filter, made, Tensor, doing=doing)

    def _refuse_labels(self) -> None:
        if self._filter.needs == "probs" and self._query.channel == TOP1:
            raise UsageError(
                f"filter '{self._filter.name}' changes probabilities, and this suspect reveals labels only "
                f"({self._query.address or 'suspect'}); leave the filter out"
            )
