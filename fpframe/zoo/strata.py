"""Strata by name: those that fpframe has, and those of plugins."""

from __future__ import annotations

from fpframe.errors import PluginError, RecipeError, UsageError, nearest
from fpframe.interfaces import Stratum
from fpframe.recipe import Recipe
from fpframe.registry import BUILT_IN, Registry, built_in_stratum


def find_stratum(name: str, registry: Registry) -> Stratum:
    """Return a stratum.

    Raises:
        UsageError: there is none of this name.
        PluginError: a plugin offers one that has the name of a built-in, or two plugins offer it.
    """
    own, offered = built_in_stratum(name), registry.names("stratum")
    if own is not None and name in offered:
        raise PluginError(
            f"stratum '{name}' is fpframe's own, and plugin {registry.owner('stratum', name).label} offers another of "
            "this name; rename or uninstall that one"
        )
    if own is not None:
        return own
    if name not in offered:
        raise UsageError(f"unknown stratum '{name}'{nearest(name, [*BUILT_IN, *offered])}")
    found: Stratum = registry.get("stratum", name)
    return found


def strata_of(recipe: Recipe, registry: Registry) -> dict[str, Stratum]:
    """Return the strata of a recipe's independent models, by name.

    Raises:
        RecipeError: one is unknown, or offered twice.
    """
    found = {}
    for number, group in enumerate(recipe.independent):
        try:
            found[group.stratum] = find_stratum(group.stratum, registry)
        except UsageError as error:
            raise RecipeError(f"{error} (independent.{number}.stratum of recipe '{recipe.name}')") from error
    return found
