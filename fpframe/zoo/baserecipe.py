"""Recipes for a victim that began as a public model."""

from __future__ import annotations

from typing import TypeVar

import attrs

from fpframe.errors import RecipeError
from fpframe.opening import Victim
from fpframe.recipe import DerivedGroup, IndependentGroup, Recipe
from fpframe.registry import SAME_ARCHITECTURE, SAME_BASE
from fpframe.zoo.beginnings import ADDRESSES, AT_BASE, begins_at_base

GroupT = TypeVar("GroupT", IndependentGroup, DerivedGroup)


def needs_base(recipe: Recipe) -> bool:
    """Tell whether a recipe asks for networks that begin as the victim's public model."""
    groups = (*recipe.independent, *recipe.derived)
    return any(begins_at_base(name) for group in groups for name in (*group.backbones, *group.test_backbones))


def require_base(recipe: Recipe) -> None:
    """Refuse a recipe that needs a base, for want of one.

    Raises:
        RecipeError: says so.
    """
    if needs_base(recipe):
        raise RecipeError(
            f"recipe '{recipe.name}' trains models that begin as the victim's public model does; say with --base which "
            "model that is"
        )


def suited(recipe: Recipe, victim: Victim | None) -> Recipe:
    """Return a recipe for a victim, which may have begun as a public model."""
    return with_base(recipe) if victim is not None and victim.base is not None else recipe


def with_base(recipe: Recipe) -> Recipe:
    """Return a recipe for a victim that began as a public model.

    What was to have the victim's architecture begins as the public model too, all of it learning; and there is a
    stratum ``same-base``, with as many models as ``same-data`` where the recipe has none.
    """
    independent = tuple(map(_beginning, recipe.independent))
    if all(group.stratum != SAME_BASE for group in independent):
        sizes = [group for group in independent if group.stratum == SAME_ARCHITECTURE] or list(independent)
        independent += (
            IndependentGroup(
                stratum=SAME_BASE,
                fit=max((group.fit for group in sizes), default=0),
                calibrate=max((group.calibrate for group in sizes), default=0),
                test=max((group.test for group in sizes), default=0),
                backbones=ADDRESSES,
            ),
        )
    derived = tuple(map(_beginning, recipe.derived))
    epochs = dict(recipe.epochs)
    if "victim" in epochs:  # of copies that learn further, and of models that begin as the victim did
        epochs.setdefault(AT_BASE, epochs["victim"])
    return attrs.evolve(recipe, independent=independent, derived=derived, epochs=epochs)


def _beginning(group: GroupT) -> GroupT:
    """Return a group whose models of the victim's architecture begin as its public model."""

    def begun(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(AT_BASE if name == "victim" else name for name in names)

    return attrs.evolve(group, backbones=begun(group.backbones), test_backbones=begun(group.test_backbones))
