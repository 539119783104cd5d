"""`Stratum`: one kind of independent model, as data: what its models are, how they are made, and whom it protects."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

import attrs

from fpframe.errors import ParameterError
from fpframe.parameters import one_of

#: How models are made; see `Stratum.made`.
Making = Literal["trained", "taught", "imitating", "attacked", "drawn"]

#: What must be given for which way of making models, and for no other.
_GIVEN = {"data": {"trained"}, "sources": {"taught", "attacked"}}

# fpframe's own overlap(0.5) has a fraction in brackets
_NAME = re.compile(r"[a-z][a-z0-9-]*|overlap\([\d.]+\)")


def _name(owner: Any, field: attrs.Attribute[Any], value: Any) -> None:
    if not _NAME.fullmatch(str(value)):
        raise ParameterError(f"'name' of a stratum must be like my-stratum (got {value!r}); use a-z, 0-9 and hyphens")


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _words(owner: Any, field: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, str) or not value.strip() or "\n" in value or value.rstrip().endswith("."):
        raise ParameterError(
            f"'{field.name}' of stratum '{owner.name}' must be a few words on one line, without a full stop "
            f"(got {value!r}); reports put them into a sentence"
        )


@attrs.frozen(kw_only=True)
class Stratum:
    """One kind of independent model.

    A suspect is called derived only if it stands out from every stratum, so each one protects somebody.

    Attributes:
        name: what recipes, tables and verdicts call it.
        models: what its models are, in words that reports put into a sentence.
        protects: whom it protects, in words of the same kind.
        made: how its models are made. ``trained``: on the true labels of `data`. ``taught``: as students of models of
            its `sources`, as thieves' students are taught by the victim. ``imitating``: by the recipe of a thief, but
            from true labels. ``attacked``: by modifying models of its `sources`, each of another one. ``drawn``: on
            true labels, each with another architecture, share of the images and training, drawn by the recipe's seed.
        data: which part of the training images trained models learn from: ``victim``, ``thief``, ``pool``,
            ``everything``, a fraction of one of these such as ``thief:0.5``, or ``overlap:r`` for a fraction r of the
            victim's.
        sources: strata of trained models that teach, or are attacked.
        steps: what is done to make one, as a lineage such as ``prune(0.4)->finetune(all)``. Empty takes the attacks of
            the recipe in turn: those that extract, those that can be imitated, or those that modify.
    """

    name: str = attrs.field(validator=_name)
    models: str = attrs.field(validator=_words)
    protects: str = attrs.field(validator=_words)
    made: Making = attrs.field(
        default="trained", validator=one_of("trained", "taught", "imitating", "attacked", "drawn")
    )
    data: str = ""
    sources: tuple[str, ...] = attrs.field(default=(), converter=_names)
    steps: str = ""

    def __attrs_post_init__(self) -> None:
        for field, makings in _GIVEN.items():
            wanted = self.made in makings
            if bool(getattr(self, field)) != wanted:
                raise ParameterError(
                    f"'{field}' of stratum '{self.name}' must be {'given' if wanted else 'empty'} where models are "
                    f"'{self.made}' (got {getattr(self, field)!r})"
                )
        if self.steps and self.made in ("trained", "drawn"):
            raise ParameterError(
                f"'steps' of stratum '{self.name}' must be empty where models are '{self.made}' (got '{self.steps}'); "
                "to modify trained models, make it 'attacked' and name their strata as 'sources'"
            )

    @property
    def summary(self) -> str:
        """What reports and listings say of it."""
        return f"{self.models}; protects {self.protects}"
