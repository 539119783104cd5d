"""`FilterChain`: the answer filters that a model answers through, by their text."""

from __future__ import annotations

import attrs

from fpframe.errors import UsageError
from fpframe.interfaces import AnswerFilter, fenced, require
from fpframe.models import Query
from fpframe.registry import Registry
from fpframe.rng import derive_seed
from fpframe.zoo.grammar import read_steps
from fpframe.zoo.lineage import Lineage, component_of, is_filter, make_step


@attrs.frozen
class FilterChain:
    """Answer filters, the innermost first.

    Attributes:
        text: their one way of being written, such as ``flip(0.5)`` or ``flip(0.5)->answer-noise(0.05)``.
        filters: the filters.
    """

    text: str
    filters: tuple[AnswerFilter, ...]

    @classmethod
    def parse(cls, text: str, registry: Registry) -> FilterChain:
        """Read filters from a text such as ``flip(0.5)->answer-noise(0.05)``.

        Raises:
            UsageError: a step is an attack, which trains a model, and no filter.
            RecipeError: the text is not a lineage.
            PluginError: a filter is unknown.
            ParameterError: a parameter is unknown or out of range.
        """
        steps = [make_step(registry, words.name, words.given, **words.named) for words in read_steps(text)]
        filters: list[AnswerFilter] = []
        for step in steps:
            component = component_of(step, registry) if is_filter(step, registry) else None
            if not isinstance(component, AnswerFilter):
                raise UsageError(f"'{step.name}' is not an answer filter (got '{text}'); see 'fpframe plugins'")
            filters.append(component)
        return cls(str(Lineage(tuple(steps))), tuple(filters))

    def wrap(self, query: Query, *, seed: int) -> Query:
        """Return access to the same model through the filters."""
        for number, component in enumerate(self.filters):
            query = put_before(query, component, seed=derive_seed(seed, "filter", number))
        return query


def put_before(query: Query, component: AnswerFilter, *, seed: int) -> Query:
    """Return access to the same model through one filter.

    Raises:
        PluginError: the filter failed.
    """
    doing = "wrapping a model"
    with fenced(component, doing=doing):
        wrapped = component.wrap(query, seed=seed)
    return require(component, wrapped, Query, doing=doing)
