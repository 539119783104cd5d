"""`Design`: how often, on how many zoos, in which sizes and in which channels schemes are compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from fpframe.errors import UsageError
from fpframe.parameters import whole


def _at_least(low: int, what: str) -> Any:
    def check(owner: object, field: attrs.Attribute[Any], value: int | None) -> None:
        if value is not None and value < low:
            raise UsageError(f"the number of {what} must be at least {low} (got {value})")

    return check


def _several(owner: object, field: attrs.Attribute[Any], value: int | None) -> None:
    if value is not None and value < 2:
        raise UsageError(
            f"one zoo does not say how far zoos differ; draw at least 2, or leave the number of zoos out (got {value})"
        )


def _named(owner: object, field: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    if not value:
        raise UsageError("a comparison needs a channel; name one, such as probs")


def _one_or_two(owner: object, field: attrs.Attribute[Any], value: tuple[str, ...] | None) -> None:
    if value is not None and not 1 <= len(set(value)) == len(value) <= 2:
        raise UsageError(
            "a contrast is between two schemes, as in ('residual', 'akh'), or between one, as in ('residual',), and "
            f"each of the others (got {value})"
        )


def _names(value: Iterable[str] | str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    return (value,) if isinstance(value, str) else tuple(value)


def _once(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))


@attrs.frozen(kw_only=True)
class Design:
    """How often, on how many zoos, in which sizes and in which channels schemes are compared.

    Attributes:
        seeds: enrolments of each scheme; data and models stay the same.
        zoo_seeds: zoos, each with its own division of the training images, its own victim and its own models, by the
            recipe's seed and those that follow it. Every scheme enrolls each of these victims, and intervals hold what
            lies between zoos. ``None`` compares on one zoo, whose intervals hold nothing of that.
        sizes: queries that one suspect is asked: every scheme in each of these sizes; empty takes each scheme in its
            own.
        folds: score every model of the recipe by what was made without its fold of families, in place of fitting on
            the fit split and scoring the test split. This scores more models, but nothing is calibrated.
        contrast: two schemes that are to be tested against each other in every cell; or one, that is to be tested
            against each of the others.
        channels: what the models reveal.
    """

    seeds: int = attrs.field(default=1, validator=_at_least(1, "seeds"))
    zoo_seeds: int | None = attrs.field(default=None, validator=_several)
    sizes: tuple[int, ...] = attrs.field(
        default=(), converter=_once, validator=attrs.validators.deep_iterable(whole(low=1))
    )
    folds: int | None = attrs.field(default=None, validator=_at_least(2, "folds"))
    contrast: tuple[str, ...] | None = attrs.field(default=None, converter=_names, validator=_one_or_two)
    channels: tuple[str, ...] = attrs.field(default=("probs", "top1"), converter=_once, validator=_named)
