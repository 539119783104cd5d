"""The addresses that a recipe names, and that are opened when its models are made."""

from __future__ import annotations

from fpframe.errors import RecipeError
from fpframe.recipe import Recipe
from fpframe.zoo.grammar import read_steps


def recipe_addresses(recipe: Recipe) -> dict[str, str]:
    """Return the addresses of a recipe, each with the first key that names it; what is none among them does no harm."""
    found: dict[str, str] = {recipe.dataset: "'dataset'", recipe.victim.backbone: "'victim.backbone'"}
    if recipe.pool:
        found.setdefault(recipe.pool, "'pool'")
    for kind, groups in (("independent", recipe.independent), ("derived", recipe.derived)):
        for number, group in enumerate(groups):
            for backbone in (*group.backbones, *group.test_backbones):
                found.setdefault(backbone, f"a backbone of '{kind}.{number}'")
    for number, derived in enumerate(recipe.derived):
        for word in _words(derived.attack):
            found.setdefault(word, f"'derived.{number}.attack'")
    return found


def _words(lineage: str) -> list[str]:
    """Return the texts that stand in the brackets of a lineage, such as architectures and other data."""
    try:
        steps = read_steps(lineage)
    except RecipeError:  # whoever plans the models says what is wrong with it
        return []
    values = [
        value for step in steps for value in (*step.given, *step.named.values(), *step.notes, *step.settings.values())
    ]
    return [value for value in values if isinstance(value, str)]
