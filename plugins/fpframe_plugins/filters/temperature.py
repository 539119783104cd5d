"""Filter ``temperature``: flatten or sharpen probabilities."""

from __future__ import annotations

from typing import ClassVar, Literal

import attrs
import torch.nn.functional as F
from torch import Tensor

import fpframe
from fpframe import FilteredQuery, Query
from fpframe.parameters import number


@attrs.frozen(kw_only=True)
class Temperature(fpframe.AnswerFilter):
    """Answer with ``softmax(log p / T)``, which keeps the order of the classes (Hinton et al., 2015).

    For a model that ends in a softmax this is the softmax of its logits divided by T.

    Attributes:
        temperature: T, at least 0.01; above 1 answers look less sure than they are, below 1 surer.
    """

    name: ClassVar[str] = "temperature"
    needs: ClassVar[Literal["probs", "any"]] = "probs"
    temperature: float = attrs.field(default=2.0, validator=number(low=0.01))

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def wrap(self, query: Query, *, seed: int) -> Query:
        """Return access through the filter; nothing is random, and `seed` is not used.

        Raises:
            UsageError: the query reveals labels only.
        """

        def rescale(answers: Tensor) -> Tensor:
            # a probability may lie a little below 0 by rounding errors; one of 0 stays 0
            return F.softmax(answers.clamp(min=0).log() / self.temperature, dim=1)

        return FilteredQuery(query, self, answers=rescale)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the filter."""
    return [Temperature]
