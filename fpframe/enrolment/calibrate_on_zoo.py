"""Calibrate an enrolment on the models of a recipe, which are trained on the data as the enrolment divided them."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import torch

from fpframe.decision import require_alpha
from fpframe.enrolment.ability import Ability, ability_choice
from fpframe.enrolment.admission import admit, require_able, top_up
from fpframe.enrolment.calibration import FROM_RECIPE, PLAIN, Calibration
from fpframe.enrolment.encoders import calibrating, calibration_models
from fpframe.enrolment.enrolment import Enrolment
from fpframe.enrolment.fitness import StratumLook
from fpframe.enrolment.method import units_of
from fpframe.enrolment.zoo_checks import accuracy_by_stratum
from fpframe.errors import DataError, ModelError, RecipeError
from fpframe.models import Dataset, Preparation
from fpframe.opening import VictimPast
from fpframe.recipe import Recipe, Run
from fpframe.registry import SAME_ARCHITECTURE
from fpframe.zoo import (
    Base,
    FilterChain,
    Workspace,
    Zoo,
    ZooModel,
    announce,
    ask_models,
    ask_models_through,
    build_models,
    open_workspace,
    plan_models,
    require_base,
)


def plan_calibration(
    enrolment: Enrolment, recipe: Recipe, without: tuple[str, ...], *, alpha: float, run: Run
) -> list[ZooModel]:
    """Return the models that calibrate.

    Raises:
        DataError: the recipe is for other data.
        RecipeError: it has no such models.
        UsageError: they are too few for alpha.
    """
    if recipe.dataset != enrolment.recipe.dataset:
        raise DataError(
            f"recipe '{recipe.name}' is for '{recipe.dataset}' where the victim was enrolled on "
            f"'{enrolment.recipe.dataset}'; name a recipe for the same data"
        )
    without = tuple(sorted({*without, *enrolment.victim["absent"]}))
    plan = calibrating(plan_models(recipe, run.registry, splits=("calibrate",), without=without))
    if not plan:
        raise RecipeError(f"recipe '{recipe.name}' has no independent models in 'calibrate'")
    require_alpha(alpha, units_of(plan))
    return plan


def open_divided(
    enrolment: Enrolment, recipe: Recipe, dataset: Dataset | str | None, past: VictimPast, run: Run
) -> Workspace:
    """Open the data, divided as at the enrolment, whatever the other recipe says.

    Otherwise its models would learn the victim's images as their own, or the very images that suspects are sent.

    Raises:
        DataError: these are other data.
        RecipeError: the recipe needs a base.
        ModelError: this is another base.
    """
    if past.base is None:
        require_base(recipe)
    ours = attrs.evolve(recipe, dataset=enrolment.recipe.dataset, partition=enrolment.recipe.partition)
    ours = attrs.evolve(ours, seed=enrolment.recipe.seed, pool=enrolment.recipe.pool)
    workspace = open_workspace(ours, dataset, run, victim_indices=past.indices, enrolled=enrolment.classes)
    parts = workspace.parts
    if (parts.victim.digest, parts.pool.digest) != (enrolment.victim["images"], enrolment.victim["pool"]):
        raise DataError(
            f"the images that the victim was trained on, or that suspects are asked, are not those of the enrolment "
            f"({workspace.dataset.address}); name the same data, and --victim-indices if the enrolment had them"
        )
    if enrolment.ability is not None:
        chosen = workspace.dataset.test[ability_choice(len(workspace.dataset.test), enrolment.recipe.seed)]
        truth = chosen.labels.to(enrolment.ability.truth.dtype)
        if not torch.equal(chosen.images, enrolment.able) or not torch.equal(truth, enrolment.ability.truth):
            raise DataError(
                "the images that ability was measured on, or their labels, are not those of the enrolment "
                f"({workspace.dataset.address}); name the same data, with the same test images"
            )
    # the victim itself is not needed: independent models only share its architecture
    workspace.victim_backbone = enrolment.victim["backbone"]
    if enrolment.preparation is not None and SAME_ARCHITECTURE not in enrolment.victim["absent"]:
        workspace.victim_geometry = enrolment.preparation.geometry
    if past.base is not None:
        prepared = enrolment.preparation or Preparation()
        address = enrolment.victim["backbone"]
        workspace.base = Base.open(past.base, address, prepared, workspace.dataset, run.registry, run.store)
        if workspace.base.digest != enrolment.victim.get("base"):
            raise ModelError(
                f"'{workspace.base.name}' is not the public model that the victim was enrolled with; name that one"
            )
    return workspace


def calibrate_on_zoo(
    enrolment: Enrolment,
    plan: list[ZooModel],
    workspace: Workspace,
    chains: tuple[FilterChain, ...],
    recipe: Recipe,
    run: Run,
    without: tuple[str, ...],
) -> tuple[Calibration, Ability | None, Mapping[str, StratumLook]]:
    """Return the calibration, how able its models are, and how accurate those of each stratum are on the test images.

    Args:
        enrolment: what is calibrated.
        plan: the models that calibrate, as `plan_calibration` returned them.
        workspace: the data, as `open_divided` returned them.
        chains: filters that they also answer through.
        recipe: the recipe of the models.
        run: what trains them.
        without: strata that are left out.

    Raises:
        UsageError: too few of them are as able as the victim.
    """
    announce(plan, workspace, run)
    zoo, ability = build_models(plan, workspace, run), None
    built = zoo
    if enrolment.ability is not None:
        victim, seed = enrolment.ability.victim, enrolment.recipe.seed
        built = top_up(zoo, recipe, victim, run, without=without, seed=seed)
        chosen, ability = admit(built, victim, seed=seed)
        require_able(chosen, ability, wanted=built.models, alpha=recipe.alpha)
        zoo = Zoo(tuple(chosen), workspace)
    plain = torch.stack(ask_models(zoo, enrolment.queries, on_event=run.on_event))
    filtered = ask_models_through(zoo, enrolment.queries, chains, on_event=run.on_event)
    calibration = Calibration.of(
        calibration_models(zoo.models),
        {PLAIN: plain, **filtered},
        enrolment.encoders,
        enrolment.standards,
        enrolment.victim_answers,
        source=f"{FROM_RECIPE}{recipe.name}, seed {recipe.seed}",
    )
    return calibration, ability, accuracy_by_stratum(built, list(built.models))
