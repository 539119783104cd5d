"""Which models may calibrate: those that are not clearly less able than the victim; others are trained in their place.

A weak model is easily told from the victim's copies, and says nothing of a good one that a suspect may be.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import attrs
import torch
from torch import Tensor

from fpframe.base import Event
from fpframe.decision import needed_models
from fpframe.enrolment.ability import Ability, ability_choice, small_labels
from fpframe.enrolment.calibration import CalibrationModel
from fpframe.enrolment.encoders import calibrating
from fpframe.enrolment.method import units_of
from fpframe.errors import RecipeError, UsageError
from fpframe.recipe import Recipe, Run
from fpframe.zoo import Workspace, Zoo, ZooModel, announce, build_models, labels_on_test, plan_models

#: How often models are trained until there are as many as the recipe wants; after that, as many as alpha needs will do.
ROUNDS = 3
#: How many times as many models as the recipe wants a stratum may have in the end.
TIMES = 3


def victim_labels(workspace: Workspace, seed: int) -> Tensor:
    """Return the labels ``(A,)`` that the victim gives the images that ability is measured on."""
    chosen = ability_choice(len(workspace.dataset.test), seed)
    return small_labels(workspace.victim_labels()[chosen], workspace.dataset.num_classes)


def admit(zoo: Zoo, victim: Tensor, *, seed: int) -> tuple[list[ZooModel], Ability]:
    """Return the calibration models of a zoo that are not clearly less able than the victim, and how able they are.

    Args:
        zoo: the models.
        victim: the labels ``(A,)`` that the victim gives the images.
        seed: the seed that chose the images.
    """
    candidates = calibrating(zoo.models)
    chosen = ability_choice(len(zoo.workspace.dataset.test), seed)
    images = zoo.workspace.dataset.test[chosen]
    labels = torch.stack([labels_on_test(model, zoo.workspace)[chosen] for model in candidates])
    nobody = Ability(
        images=images.images, truth=images.labels.to(victim.dtype), victim=victim, models=labels[:0].to(victim.dtype)
    )
    ability, rows = nobody.admitting(labels, [str(model.lineage) for model in candidates])
    return [candidates[row] for row in rows], ability


def top_up(
    zoo: Zoo, recipe: Recipe, victim: Tensor, run: Run, *, without: tuple[str, ...] = (), seed: int | None = None
) -> Zoo:
    """Train further calibration models where some are clearly less able than the victim, and return all.

    Each time as many are trained as it takes if the same share of them is able as before. After three times a stratum
    that has as many as alpha needs stays as it is; any other goes on until it has, or is about three times as large as
    the recipe wants. Families are counted, as a verdict counts them.

    Args:
        zoo: models of the recipe.
        recipe: the recipe.
        victim: the labels ``(A,)`` that the victim gives.
        run: what trains them.
        without: strata that are left out.
        seed: the seed that chose the images; ``None`` for the recipe's.
    """
    seed = recipe.seed if seed is None else seed
    wanted = _families(calibrating(zoo.models))
    needed = needed_models(recipe.alpha)
    for turn in range(TIMES * max(wanted.values(), default=0)):  # each one adds a family, unless students share one
        planned = _families(calibrating(zoo.models))
        found = _families(admit(zoo, victim, seed=seed)[0])
        aims = {stratum: count if turn < ROUNDS else min(count, needed) for stratum, count in wanted.items()}
        lacking = {
            stratum: min(_expected(aim, found[stratum], planned[stratum]), TIMES * wanted[stratum] - planned[stratum])
            for stratum, aim in aims.items()
            if aim > found[stratum] and planned[stratum] < TIMES * wanted[stratum]
        }
        more: list[ZooModel] = []
        for stratum, count in lacking.items():
            more += _further(zoo, recipe, stratum, count, run, without)
        if not more:
            break
        listed = ", ".join(f"{count} of '{stratum}'" for stratum, count in lacking.items())
        text = f"models clearly less able than the victim do not calibrate; others are trained for them: {listed}"
        run.on_event(Event(task="admission", kind="note", text=text))
        announce(more, zoo.workspace, run)
        zoo = Zoo((*zoo.models, *build_models(more, zoo.workspace, run).models), zoo.workspace)
    return zoo


def _families(models: Sequence[ZooModel]) -> Counter[str]:
    """Return the number of families of each stratum: students of one teacher are one to the verdict."""
    return Counter({stratum: each.units for stratum, each in units_of(models).items()})


def _expected(wanted: int, found: int, planned: int) -> int:
    """Return how many models to train so that as many are able as are wanted, if the same share is able as before."""
    return math.ceil((wanted - found) * planned / max(found, 1))


def _further(zoo: Zoo, recipe: Recipe, stratum: str, count: int, run: Run, without: tuple[str, ...]) -> list[ZooModel]:
    """Return further calibration models of a stratum, as the recipe would make them if it wanted more."""
    groups = list(recipe.independent)
    last = max(number for number, group in enumerate(groups) if group.stratum == stratum)
    known = {model.lineage.exact for model in zoo.models}
    asked = groups[last].calibrate + sum(model.stratum == stratum for model in calibrating(zoo.models))
    asked -= sum(group.calibrate for group in groups if group.stratum == stratum)
    groups[last] = attrs.evolve(groups[last], calibrate=asked + count)
    try:
        plan = plan_models(
            attrs.evolve(recipe, independent=tuple(groups)), run.registry, splits=("calibrate",), without=without
        )
    except RecipeError:  # such as more models to attack than there are
        return []
    return [model for model in plan if model.stratum == stratum and model.lineage.exact not in known]


def require_able(
    models: Sequence[ZooModel | CalibrationModel],
    ability: Ability,
    *,
    wanted: Sequence[ZooModel | CalibrationModel],
    alpha: float,
) -> None:
    """Refuse a calibration of which too few models are as able as the victim.

    Raises:
        UsageError: names the stratum, the numbers and the remedy.
    """
    units, needed = units_of(models), needed_models(alpha)
    for stratum, planned in units_of(wanted).items():
        found = units[stratum].units if stratum in units else 0
        if found < needed:
            raise UsageError(
                f"of {planned.units} calibration models of stratum '{stratum}' {found} are as able as the victim "
                f"(accuracy {ability.victim_accuracy:.2f} on {len(ability.images)} images), and alpha {alpha:g} needs "
                f"{needed}; train them longer ([training] or [epochs] of the recipe), or on more images"
            )
