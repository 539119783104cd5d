"""`AnswerFilter`: what a suspect does to its answers before it gives them."""

from __future__ import annotations

from abc import abstractmethod

from fpframe.interfaces.component import Component
from fpframe.query import Query


class AnswerFilter(Component):
    """Wrap a suspect so that it answers through a filter: an evasion, or a channel that reveals less."""

    kind = "filter"

    @abstractmethod
    def wrap(self, query: Query, *, seed: int) -> Query:
        """Return access to the same model with changed answers."""
