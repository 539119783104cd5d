"""Ask a model that tells other classes, or the same in another order, as if it told the victim's."""

from __future__ import annotations

from torch import Tensor

from fpframe.models.answers import Outputs, ReadAlready, Reading
from fpframe.models.classes.classmap import ClassMap
from fpframe.models.query import Query


class MappedQuery(Query):
    """Access to a model whose answers are about the victim's classes."""

    def __init__(self, query: Query, classes: ClassMap) -> None:
        def ask(pixels: Tensor) -> Tensor:
            return classes.rows(query(pixels))

        super().__init__(
            ask,
            num_classes=len(classes.victim),
            reader=ReadAlready(len(classes.victim)),
            batch_size=query.batch_size,
            address=query.address,
            digest=query.digest,
        )
        self._query = query

    @property
    def channel(self) -> str | None:
        """What the model's own answers reveal."""
        return self._query.channel

    @property
    def outputs(self) -> Outputs:
        """How the model's own answers are read."""
        return self._query.outputs

    @property
    def reading(self) -> Reading | None:
        """How the model's own answers are read, and why."""
        return self._query.reading
