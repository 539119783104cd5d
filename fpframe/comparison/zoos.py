"""Several zoos in one comparison: which they are, what they cost, and what was found on all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import attrs
import numpy as np

from fpframe.base import Event, ignore
from fpframe.comparison.design import Design
from fpframe.comparison.records import Comparison, Outcome
from fpframe.errors import FpframeError, UsageError
from fpframe.models import Dataset
from fpframe.opening import Victim
from fpframe.recipe import Recipe, Run
from fpframe.zoo import plan_zoo


def zoo_recipes(recipe: Recipe, design: Design, victim: Victim | None) -> list[Recipe]:
    """Return the recipe of each zoo: the given one, and the same with the seeds that follow.

    Raises:
        UsageError: several zoos are asked for, and the victim is one whose training cannot be repeated.
    """
    if design.zoo_seeds is not None and victim is not None:
        raise UsageError(
            "each zoo has a victim of its own, and yours cannot be trained anew by another seed; leave out your victim "
            "(--victim), or leave out --zoo-seeds and compare on your victim alone"
        )
    return [attrs.evolve(recipe, seed=recipe.seed + number) for number in range(design.zoo_seeds or 1)]


def announce_zoos(
    recipes: Sequence[Recipe], dataset: Dataset | str | None, run: Run, *, without: tuple[str, ...]
) -> None:
    """Tell the listener how many models all zoos have together, and how long those that are missing take.

    Raises:
        RecipeError: a recipe lacks models.
        DataError: the data cannot be used.
    """
    silent = attrs.evolve(run, on_event=ignore, registry=run.registry)
    outlooks = [plan_zoo(recipe, dataset, without=without, run=silent).outlook() for recipe in recipes]
    missing = sum(len(outlook.missing) for outlook in outlooks)
    seconds = sum(outlook.seconds for outlook in outlooks) / run.workers
    length = f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
    cost = (
        f"{missing} are to be trained, about {length} with {run.workers} worker(s), and then every zoo is sent queries"
        if missing
        else "all of them are in the store already"
    )
    seeds = ", ".join(str(recipe.seed) for recipe in recipes)
    models = sum(len(outlook.models) for outlook in outlooks)
    text = f"{len(recipes)} zoos, seeds {seeds}, each with a victim of its own: {models} models; {cost}"
    run.on_event(Event(task="zoos", kind="note", text=text))


@contextmanager
def naming_zoo(recipe: Recipe, recipes: Sequence[Recipe]) -> Iterator[None]:
    """Let an error in the block say in which of several zoos it came up."""
    try:
        yield
    except FpframeError as error:
        if len(recipes) > 1:
            error.args = (f"{error} (zoo with seed {recipe.seed}; what other zoos took is kept)",)
        raise


def together(found: Sequence[Comparison]) -> Comparison:
    """Return what was found on several zoos as one comparison; it is the comparison itself where there is one."""
    if len(found) == 1:
        return found[0]
    first = found[0]
    accuracy = float(np.mean([each.victim["accuracy"] for each in found]))
    return attrs.evolve(
        first,
        victim={**first.victim, "accuracy": round(accuracy, 6)},
        zoos=tuple(zoo for each in found for zoo in each.zoos),
        models=tuple(model for each in found for model in each.models),
        outcomes=tuple(_joined(parts) for parts in zip(*(each.outcomes for each in found), strict=True)),
        costs=tuple(cost for each in found for cost in each.costs),
        doubts=tuple(doubt for each in found for doubt in each.doubts),
    )


def _joined(parts: Sequence[Outcome]) -> Outcome:
    """Return the outcomes of one contender, seed and channel in each zoo as one."""
    return attrs.evolve(
        parts[0],
        views=np.concatenate([part.views for part in parts]),
        verdicts=tuple(verdict for part in parts for verdict in part.verdicts),
        p_values=tuple(p_value for part in parts for p_value in part.p_values),
    )
