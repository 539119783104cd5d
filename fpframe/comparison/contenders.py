"""`Contender`: a scheme that takes part in a comparison, in one size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from fpframe.enrolment import Method, check_method, find_scheme
from fpframe.errors import UsageError, nearest
from fpframe.interfaces import Scheme
from fpframe.recipe import Recipe
from fpframe.registry import Registry


@attrs.frozen(kw_only=True)
class Contender:
    """A scheme in one size.

    Attributes:
        name: the scheme's name, with the number of queries where several sizes are compared.
        method: its components.
    """

    name: str
    method: Method


def make_contenders(
    schemes: Sequence[Scheme | str | Path],
    recipe: Recipe,
    registry: Registry,
    *,
    without: tuple[str, ...],
    sizes: Sequence[int],
) -> list[Contender]:
    """Return every scheme in every size, after trying all of its names and parameters.

    Args:
        schemes: schemes, their names, or TOML files with them.
        recipe: says what schemes leave open.
        registry: the plugins.
        without: strata that are left out.
        sizes: queries that a suspect is asked; empty for the size of each scheme.

    Raises:
        UsageError: a scheme is named twice, there is none, or a size is too small.
    """
    found = [find_scheme(scheme, registry) for scheme in schemes]
    if not found:
        raise UsageError("nothing to compare; name schemes, as in --schemes uap-contrastive,akh")
    names = [scheme.name for scheme in found]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"scheme '{name}' is named twice; give each scheme a name of its own")
    methods = [check_method(recipe, registry, without=without, scheme=scheme) for scheme in found]
    if not sizes:
        return [Contender(name=method.scheme.name, method=method) for method in methods]
    return [
        Contender(name=f"{method.scheme.name}@{size}" if len(sizes) > 1 else method.scheme.name, method=part)
        for size in sizes
        for method in methods
        for part in [resized(method, size)]
    ]


def contrasts_between(contenders: Sequence[Contender], schemes: tuple[str, ...] | None) -> tuple[tuple[str, str], ...]:
    """Return the names of contenders to be tested against each other: two schemes in each size, or one and the others.

    Raises:
        UsageError: a scheme does not take part.
    """
    if schemes is None:
        return ()
    sizes: dict[str, list[str]] = {}  # by scheme, its contenders from the first size to the last
    for contender in contenders:
        sizes.setdefault(contender.method.scheme.name, []).append(contender.name)
    for scheme in schemes:
        if scheme not in sizes:
            raise UsageError(f"scheme '{scheme}' of the contrast does not take part{nearest(scheme, sorted(sizes))}")
    first, *named = schemes
    others = named or [scheme for scheme in sizes if scheme != first]
    if not others:
        raise UsageError(f"scheme '{first}' of the contrast takes part alone; name more with --schemes")
    return tuple(pair for other in others for pair in zip(sizes[first], sizes[other], strict=True))


def resized(method: Method, queries: int) -> Method:
    """Return a method that asks about as many queries, each part with its share of them.

    It keeps its number of views, unless a view would have less than two points for a part.

    Raises:
        UsageError: not even one view has two points for each part.
    """
    costs = [2 if part.pair else 1 for part in method.parts]
    total = sum(part.points * cost for part, cost in zip(method.parts, costs, strict=True))
    wanted = [queries * part.points / total for part in method.parts]  # points in all views together
    views = method.parts[0].views
    while views > 1 and min(wanted) < 2 * views:
        views -= 1
    parts = tuple(
        attrs.evolve(part, views=views, points=round(points / views))
        for part, points in zip(method.parts, wanted, strict=True)
    )
    if any(part.points < 2 for part in parts):
        raise UsageError(f"{queries} queries are too few for scheme '{method.scheme.name}'; raise --sizes")
    return attrs.evolve(method, parts=parts)
