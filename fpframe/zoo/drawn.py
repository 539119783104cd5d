"""Architectures that a recipe leaves to chance: ``random:*`` is another one for each model."""

from __future__ import annotations

from collections.abc import Mapping

from fpframe.base import Address
from fpframe.errors import RecipeError
from fpframe.interfaces import BackboneSource
from fpframe.recipe import Recipe
from fpframe.registry import Registry

#: Stands in a recipe, at the end of an address, for a seed.
ANY = "*"
#: Seeds in addresses are below this: short enough to read, and enough for two to be hardly ever alike.
_SEEDS = 10**9


def with_seed(backbone: str, seed: int) -> str:
    """Return an address with a seed of at most nine digits where it says ``*``, and any other address as it is."""
    return f"{backbone.removesuffix(ANY)}{seed % _SEEDS}" if backbone.endswith(ANY) else backbone


def epochs_of(architecture: str, epochs: Mapping[str, int]) -> int | None:
    """Return the passes over the images that a recipe names for an architecture, or for all that are drawn like it.

    Args:
        architecture: an address, or ``victim``.
        epochs: passes by address; one that ends in ``*`` is of every architecture that it stands for.
    """
    if architecture in epochs:
        return epochs[architecture]
    drawn = [address for address in epochs if address.endswith(ANY) and architecture.startswith(address[:-1])]
    return epochs[max(drawn, key=len)] if drawn else None


def require_seeded(recipe: Recipe, registry: Registry) -> None:
    """Refuse a recipe that leaves architectures to chance where they are not drawn by a seed.

    Raises:
        RecipeError: names the address.
    """
    for group in (*recipe.independent, *recipe.derived):
        for backbone in (*group.backbones, *group.test_backbones):
            if backbone.endswith(ANY) and not _may_be_seeded(Address.parse(backbone).prefix, registry):
                raise RecipeError(
                    f"the architectures of '{backbone}' are not drawn by a seed (recipe '{recipe.name}'); name one, or "
                    "write random:* for another architecture for each model"
                )


def _may_be_seeded(prefix: str, registry: Registry) -> bool:
    if prefix not in registry.names(BackboneSource.kind):
        return True  # that a source is missing is found out when its networks are built
    source: type[BackboneSource] = registry.get(BackboneSource.kind, prefix)
    return source.seeded
