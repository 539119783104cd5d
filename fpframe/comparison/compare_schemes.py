"""`compare`: several schemes on the same models, with several seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np
from torch import nn

from fpframe.base import Event, Listener, ignore, machine_profile
from fpframe.comparison.contenders import Contender, contrasts_between, make_contenders
from fpframe.comparison.kinds import kind_of
from fpframe.comparison.records import Comparison, Cost, Outcome, Questioned
from fpframe.comparison.rounds import Round, by_folds, by_splits, require_folds
from fpframe.enrolment import check_pool, plan_enrolment
from fpframe.errors import DataError, UsageError
from fpframe.interfaces import Scheme
from fpframe.models import Dataset
from fpframe.recipe import SPLITS, Recipe
from fpframe.registry import Registry, load_registry
from fpframe.store import Store
from fpframe.zoo import Setting, VictimRequest, Zoo, announce, build_models, open_workspace, plan_models, prepare


def compare(
    schemes: Sequence[str | Scheme],
    *,
    recipe: Recipe | str | Path = "small",
    seeds: int = 1,
    sizes: Sequence[int] = (),
    folds: int | None = None,
    contrast: tuple[str, str] | None = None,
    channels: Sequence[str] = ("probs", "top1"),
    victim: nn.Module | str | None = None,
    dataset: Dataset | None = None,
    weights: str | Path | None = None,
    backbone: str | None = None,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
    victim_indices: np.ndarray | None = None,
    data_root: str | Path | None = None,
    absent: Sequence[str] = (),
    workers: int = 1,
    store: Store | None = None,
    registry: Registry | None = None,
    on_event: Listener = ignore,
) -> Comparison:
    """Enroll one victim by several schemes, and score the same unseen models.

    What a model has answered to a query set is kept in the store and never asked again, so that a run that was stopped
    continues where it was, and so that another scheme can join later.

    Args:
        schemes: names, TOML files, or schemes.
        recipe: preset name, TOML file, or a recipe.
        seeds: number of enrolments of each scheme; data and models stay the same.
        sizes: queries that one suspect is asked, for each scheme in each of these sizes; empty takes each scheme in
            its own.
        folds: score every model of the recipe by what was made without its fold of families, in place of fitting on
            the fit split and scoring the test split. This scores more models, but nothing is calibrated.
        contrast: two schemes that are to be tested against each other in every cell.
        channels: what the models reveal.
        victim: the owner's model or its address; ``None`` trains the recipe's.
        dataset: the data, when it is not opened by an address.
        weights: file with the victim's weights.
        backbone: address that builds the victim's architecture anew, when the victim is a module.
        mean: per-channel mean that the victim subtracts from pixels.
        std: per-channel standard deviation that it divides them by.
        victim_indices: indices of the training images that the victim has seen.
        data_root: folder of data sets that are files.
        absent: strata to leave out.
        workers: processes that train models.
        store: where models and answers are kept.
        registry: plugins; ``None`` takes the installed ones.
        on_event: is told of progress.

    Raises:
        UsageError: something in the request is wrong; nothing was trained or asked then.
        RecipeError: the recipe lacks models that a scheme needs.
        DataError: the recipe has no models to score, or the pool is too small for a scheme.
    """
    if seeds < 1:
        raise UsageError(f"the number of seeds must be at least 1 (got {seeds})")
    if not channels:
        raise UsageError("a comparison needs a channel; name one, such as probs")
    registry = registry or load_registry()
    full = recipe if isinstance(recipe, Recipe) else Recipe.load(recipe)
    full = attrs.evolve(full, channels=tuple(dict.fromkeys(channels)))
    if dataset is not None:
        full = attrs.evolve(full, dataset=dataset.address)
    request = VictimRequest(
        victim=victim, weights=weights, backbone=backbone, mean=mean, std=std, indices=victim_indices
    )
    contenders = make_contenders(schemes, full, registry, absent=tuple(absent), sizes=sizes)
    contrasts = contrasts_between(contenders, contrast)
    if folds is not None:
        require_folds(plan_models(full, registry, splits=SPLITS, absent=absent), folds, seed=full.seed)
    workspace = open_workspace(
        full, dataset, data_root=data_root, victim_indices=victim_indices, store=store, registry=registry
    )
    for contender in contenders:
        check_pool(contender.method.parts, workspace.parts.pool)
    setting = prepare(request, full, workspace, absent=tuple(absent), on_event=on_event)
    plan = plan_models(full, registry, splits=SPLITS, absent=setting.absent)
    if setting.absent != tuple(absent):  # the victim has made a further stratum absent
        if folds is None:
            plan_enrolment(full, registry, setting.absent)
        else:
            require_folds(plan, folds, seed=full.seed)
    scored = [model for model in plan if folds is not None or model.split == "test"]
    if {model.relation for model in scored} != {"derived", "independent"}:
        raise DataError(f"recipe '{full.name}' has no derived or no independent models to score")
    announce(plan, workspace, workers=workers, on_event=on_event)
    zoo = build_models(plan, workspace, workers=workers, on_event=on_event)
    models = tuple(_questioned(zoo, registry, folds))
    if all(model.failed for model in models if model.relation == "derived"):
        raise DataError(f"every theft of recipe '{full.name}' has failed, so there is nothing to find")
    rounds = [
        (contender.name, seed, _round(setting, contender, zoo, seed, folds, on_event))
        for contender in contenders
        for seed in range(full.enrolment_seed, full.enrolment_seed + seeds)
    ]
    test = workspace.dataset.test
    return Comparison(
        recipe=full,
        victim={
            "address": setting.victim_name,
            "accuracy": round(setting.victim.classifier.accuracy(test.pixels, test.labels), 6),
        },
        folds=folds,
        contrasts=contrasts,
        models=models,
        outcomes=tuple(outcome for name, seed, each in rounds for outcome in _outcomes(name, seed, each)),
        costs=tuple(_cost(name, seed, each) for name, seed, each in rounds),
        profile=machine_profile(),
    )


def _round(setting: Setting, contender: Contender, zoo: Zoo, seed: int, folds: int | None, on_event: Listener) -> Round:
    recipe = attrs.evolve(setting.recipe, queries=attrs.evolve(setting.recipe.queries, seed=seed))
    at = attrs.evolve(setting, recipe=recipe)
    on_event(Event(task="comparing", kind="note", text=f"{contender.name}, seed {seed}"))
    if folds is not None:
        return by_folds(at, contender.method, zoo, folds, on_event=on_event)
    return by_splits(at, contender.method, zoo, on_event=on_event)


def _questioned(zoo: Zoo, registry: Registry, folds: int | None) -> list[Questioned]:
    return [
        Questioned(
            name=str(model.lineage),
            lineage=model.lineage.exact,
            relation=model.relation,
            kind=kind_of(model, registry),
            family=model.family,
            failed=zoo.facts(model).failed,
        )
        for model in (zoo.models if folds is not None else zoo.of("test"))
    ]


def _outcomes(name: str, seed: int, found: Round) -> list[Outcome]:
    return [
        Outcome(
            contender=name, seed=seed, channel=channel, views=views, verdicts=tuple(found.verdicts.get(channel, ()))
        )
        for channel, views in found.views.items()
    ]


def _cost(name: str, seed: int, found: Round) -> Cost:
    return Cost(
        contender=name,
        seed=seed,
        queries=found.queries,
        enrol_seconds=found.enrol_seconds,
        verify_seconds=found.verify_seconds,
    )
