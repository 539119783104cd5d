"""Make the query set of a scheme: points, perturbations, and the 8-bit images that a suspect is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from fpframe.enrolment.fitness import Crafted
from fpframe.errors import DataError, RecipeError
from fpframe.interfaces import Augmenter, ComponentSpec, Part, PerturbationGenerator, References, Scheme
from fpframe.models import Classifier, Images, QueryPart, QuerySet, add_perturbation, gathered, to_pixels
from fpframe.recipe import Recipe
from fpframe.registry import Registry
from fpframe.rng import derive_seed, generator

#: Raised when the same components would make other queries, so that query sets in the store are not taken for these.
QUESTIONS_REVISION = 1
#: Images that are asked at once, as a classifier asks them.
_TOGETHER = 512


@attrs.frozen(eq=False)
class Questions:
    """A query set and what it was made with.

    Attributes:
        queries: the images.
        deltas: one per universal part, ``(1, C, H, W)`` in pixel units; empty for local parts.
        crafted: what the perturbation of each part did to its points; empty where that was not kept.
    """

    queries: QuerySet
    deltas: tuple[Tensor, ...]
    crafted: tuple[Crafted, ...]


@attrs.frozen(kw_only=True)
class PartMethod:
    """The components of one part, with their parameters, and its size.

    Attributes:
        augmenter: chooses the points.
        perturbation: what is added to them.
        pair: whether each point is asked clean and perturbed.
        points: number of points N.
        views: number of views V.
    """

    augmenter: Augmenter
    perturbation: PerturbationGenerator
    pair: bool
    points: int
    views: int

    @property
    def identity(self) -> list[Any]:
        """Everything of a part that decides its queries, as JSON-able data."""
        components = [
            [each.spec(), each.revision, *filter(None, [each.package])] for each in (self.augmenter, self.perturbation)
        ]
        return [*components, self.pair, self.points, self.views]


def resolve_parts(scheme: Scheme, recipe: Recipe, registry: Registry) -> list[PartMethod]:
    """Return the components of a scheme under a recipe, so that wrong names and parameters show before any work.

    Raises:
        PluginError: a component is unknown.
        ParameterError: a parameter is unknown or out of range.
        RecipeError: the parts have different numbers of views.
    """
    methods = [_method(part, recipe, registry) for part in scheme.parts]
    if len({method.views for method in methods}) != 1:
        raise RecipeError(f"the parts of scheme '{scheme.name}' have different numbers of views; give them the same")
    return methods


def make_questions(
    parts: Sequence[PartMethod],
    recipe: Recipe,
    victim: Classifier,
    pool: Images,
    references: References | None,
) -> Questions:
    """Return the query set of a scheme for a victim.

    Raises:
        DataError: the pool has fewer images than points, or cannot fill the views.
        PluginError: a component breaks its contract.
    """
    views: list[list[Tensor]] = []
    deltas, crafted = [], []
    for number, method in enumerate(parts):
        seed = derive_seed(recipe.enrolment_seed, "part", number)
        images, delta, made = _part_images(method, recipe, victim, pool, references, seed)
        views.append(list(images))
        deltas += [delta] if delta is not None else []
        crafted.append(made)
    stacked = torch.stack([torch.cat(pieces) for pieces in zip(*views, strict=True)])
    return Questions(QuerySet(images=stacked, parts=question_layout(parts)), tuple(deltas), tuple(crafted))


def crafted_table(crafted: Sequence[Crafted]) -> Tensor:
    """Return what perturbations did as numbers ``(P, 2)`` that a store can keep."""
    return torch.tensor([[each.moved, each.converged] for each in crafted], dtype=torch.float64)


def read_crafted(parts: Sequence[PartMethod], table: Tensor) -> tuple[Crafted, ...]:
    """Return what perturbations did of the numbers that `crafted_table` made."""
    return tuple(
        Crafted(perturbation=part.perturbation.name, moved=moved, converged=converged)
        for part, (moved, converged) in zip(parts, table.tolist(), strict=True)
    )


def question_layout(parts: Sequence[PartMethod]) -> tuple[QueryPart, ...]:
    """Return where each part lies inside a view."""
    sizes = [method.points * (2 if method.pair else 1) for method in parts]
    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    return tuple(
        QueryPart(start=start, points=method.points, pair=method.pair)
        for start, method in zip(starts, parts, strict=True)
    )


def _method(part: Part, recipe: Recipe, registry: Registry) -> PartMethod:
    queries = recipe.queries
    known = attrs.fields_dict(registry.get(PerturbationGenerator.kind, part.perturbation.name))
    # a recipe's epsilon is meant for schemes that have a bound: minimum-norm methods have none, and 'none' has nothing
    overrides = {
        key: value for key, value in queries.perturbation.items() if known and (key in known or key != "epsilon")
    }
    return PartMethod(
        augmenter=registry.build(Augmenter, part.augmenter.name, **merged(part.augmenter, queries.augmenter)),
        perturbation=registry.build(
            PerturbationGenerator, part.perturbation.name, **merged(part.perturbation, overrides)
        ),
        pair=part.pair,
        points=queries.points if part.points is None else part.points,
        views=queries.views if part.views is None else part.views,
    )


def merged(spec: ComponentSpec, overrides: dict[str, Any]) -> dict[str, Any]:
    """Return a component's parameters, where those of the recipe come before those of the scheme."""
    return {**spec.params, **overrides}


def _part_images(
    method: PartMethod,
    recipe: Recipe,
    victim: Classifier,
    pool: Images,
    references: References | None,
    seed: int,
) -> tuple[Tensor, Tensor | None, Crafted]:
    """Return the images ``(V, Q, C, H, W)`` of one part, its delta when that is universal, and what that did."""
    perturb, universal = method.perturbation, method.perturbation.scope == "universal"
    arrived, changed = list[Tensor](), list[Tensor]()
    delta: Tensor | None = None
    if universal:
        # made before the points are chosen, on images drawn from the whole pool
        chosen = torch.randperm(len(pool), generator=generator(seed, "craft"))[: recipe.queries.craft_images]
        craft = pool[chosen]
        crafted = perturb(
            victim, craft.stream, craft.labels, references=references, seed=derive_seed(seed, "perturbation")
        )
        delta = crafted.delta
        arrived.append(crafted.converged)
    points = method.augmenter(
        victim,
        pool.stream,
        pool.labels,
        points=method.points,
        views=method.views,
        references=references,
        seed=derive_seed(seed, "augmenter"),
    )
    views = []
    for view, chosen in enumerate(points):
        if chosen.is_floating_point():
            clean = (chosen * 255).round().to(torch.uint8)
            labels = victim.labels(to_pixels(clean))
        else:
            clean, labels = pool.view.part(chosen).tensor(), pool.labels[chosen]
        if universal:
            assert delta is not None
            moved = add_perturbation(clean, delta)
        else:
            local = perturb(
                victim,
                to_pixels(clean),
                labels,
                references=references,
                seed=derive_seed(seed, "perturbation", view),
            )
            moved = add_perturbation(clean, local.delta)
            arrived.append(local.converged)
        changed.append((moved != clean).flatten(1).any(1))
        views.append(torch.cat([clean, moved]) if method.pair else moved)
    return (
        torch.stack(views),
        delta,
        Crafted(perturbation=perturb.name, moved=_share(changed), converged=_share(arrived)),
    )


def _share(flags: Sequence[Tensor]) -> float:
    return round(float(torch.cat(list(flags)).double().mean()), 6)


def fooling_rate(victim: Classifier, images: Images, delta: Tensor) -> float:
    """Return the share of images whose predicted label changes under a universal delta, as 8-bit images."""
    clean = victim.labels(images.stream)
    moved_images = (add_perturbation(batch, delta) for batch in images.view.split(_TOGETHER))
    moved = gathered(len(images), (victim.labels(to_pixels(batch)) for batch in moved_images))
    return float((clean != moved).float().mean())


def check_pool(methods: Sequence[PartMethod], pool: Images) -> None:
    """Refuse a pool that cannot fill the views with images of their own, before anything is trained.

    Raises:
        DataError: names both numbers.
    """
    most = max(method.points * method.views for method in methods)
    if len(pool) < most:
        raise DataError(
            f"{most} query points in all views are wanted but the pool has {len(pool)} images; lower 'points' or "
            "'views' in [queries] of the recipe, or give the pool a larger share in [partition]"
        )
