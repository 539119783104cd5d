"""`calibrate`: compare suspects of an enrolment with other independent models; the victim is not needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs
import numpy as np
import torch

from fpframe.base import Listener, ignore
from fpframe.decision import require_alpha
from fpframe.enrolment.calibration import PLAIN, Calibration, CalibrationModel
from fpframe.enrolment.encoders import calibrating, calibration_models
from fpframe.enrolment.enrolment import Enrolment
from fpframe.enrolment.folder import refuse_existing
from fpframe.enrolment.independents import ask_independents, names_once, refuse_unfit
from fpframe.enrolment.method import units_of
from fpframe.enrolment.modelfolder import IndependentFile, find_independents
from fpframe.errors import DataError, RecipeError, UsageError
from fpframe.isolation import InProcess, OpeningRequest
from fpframe.models import Dataset, Outputs, Query
from fpframe.recipe import Recipe
from fpframe.registry import Registry, load_registry
from fpframe.store import Store
from fpframe.zoo import (
    FilterChain,
    announce,
    ask_models,
    ask_models_through,
    build_models,
    open_workspace,
    plan_models,
)


def calibrate(
    enrolment: Enrolment | str | Path,
    *,
    recipe: Recipe | str | Path | None = None,
    independents: str | Path | None = None,
    through: Sequence[str] = (),
    alpha: float | None = None,
    dataset: Dataset | None = None,
    data_root: str | Path | None = None,
    victim_indices: np.ndarray | None = None,
    absent: Iterable[str] = (),
    backbone: str | None = None,
    outputs: Outputs = "auto",
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
    out: str | Path | None = None,
    force: bool = False,
    workers: int = 1,
    store: Store | None = None,
    registry: Registry | None = None,
    on_event: Listener = ignore,
) -> Enrolment:
    """Return an enrolment with the same questions and encoders, and another calibration.

    The models come from the calibrate split of a recipe, where they are trained or found in the store, or from a folder
    of the user's own.

    Args:
        enrolment: an enrolment, or the folder of one.
        recipe: preset name, TOML file, or a recipe; ``None`` takes the enrolment's own. Its models are trained on the
            data as the enrolment divided them.
        independents: folder of models as files, instead of a recipe; see `find_independents`.
        through: further answer filters that the models are asked through, such as ``flip(0.5)``, besides those of the
            enrolment.
        alpha: the new default level; ``None`` keeps the enrolment's.
        dataset: the data, when it was not opened by an address.
        data_root: folder of data sets that are files.
        victim_indices: indices of the training images that the victim has seen, as at the enrolment.
        absent: strata to leave out, besides those that the enrolment lacks.
        backbone: address of the architecture, for files of weights in `independents`.
        outputs: how their answers are read.
        mean: per-channel mean that they subtract from pixels.
        std: per-channel standard deviation that they divide them by.
        out: folder to write the new enrolment to.
        force: overwrite `out`.
        workers: processes that train models.
        store: where trained models are kept and found again.
        registry: plugins; ``None`` takes the installed ones.
        on_event: is told of progress.

    Raises:
        UsageError: something in the request is wrong, or there are too few models for alpha; nothing was trained then.
        ModelError: a model of the user's own cannot be opened, does not fit, or is not independent.
        DataError: the data cannot be used, or is not what the victim was enrolled on.
    """
    if out is not None:
        refuse_existing(Path(out), force=force)
    if recipe is not None and independents is not None:
        raise UsageError("calibrate on a recipe's models or on your own, not on both; leave out one of them")
    registry = registry or load_registry()
    if not isinstance(enrolment, Enrolment):
        enrolment = Enrolment.open(enrolment, registry=registry)
    known = [name for name in enrolment.calibration.answers if name != PLAIN]
    parsed = [FilterChain.parse(text, registry) for text in (*known, *through)]
    chains = tuple({chain.text: chain for chain in parsed}.values())
    level = enrolment.recipe.alpha if alpha is None else alpha
    if independents is not None:
        calibration = _on_files(
            enrolment,
            Path(independents),
            chains,
            alpha=level,
            backbone=backbone,
            outputs=outputs,
            mean=mean,
            std=std,
            registry=registry,
            on_event=on_event,
        )
    else:
        calibration = _on_zoo(
            enrolment,
            recipe,
            chains,
            alpha=level,
            dataset=dataset,
            data_root=data_root,
            victim_indices=victim_indices,
            absent=tuple(absent),
            workers=workers,
            store=store,
            registry=registry,
            on_event=on_event,
        )
    made = attrs.evolve(enrolment, calibration=calibration, recipe=attrs.evolve(enrolment.recipe, alpha=level))
    if out is not None:
        made.save(out, force=force)
    return made


def _on_zoo(
    enrolment: Enrolment,
    recipe: Recipe | str | Path | None,
    chains: tuple[FilterChain, ...],
    *,
    alpha: float,
    dataset: Dataset | None,
    data_root: str | Path | None,
    victim_indices: np.ndarray | None,
    absent: tuple[str, ...],
    workers: int,
    store: Store | None,
    registry: Registry,
    on_event: Listener,
) -> Calibration:
    full = enrolment.recipe if recipe is None else recipe
    full = full if isinstance(full, Recipe) else Recipe.load(full)
    if full.dataset != enrolment.recipe.dataset:
        raise DataError(
            f"recipe '{full.name}' is for '{full.dataset}' where the victim was enrolled on "
            f"'{enrolment.recipe.dataset}'; name a recipe for the same data"
        )
    absent = tuple(sorted({*absent, *enrolment.victim["absent"]}))
    plan = calibrating(plan_models(full, registry, splits=("calibrate",), absent=absent))
    if not plan:
        raise RecipeError(f"recipe '{full.name}' has no independent models in 'calibrate'")
    require_alpha(alpha, units_of(plan))
    # the data are divided as at the enrolment, whatever the other recipe says: else its models would learn the victim's
    # images as their own, or the very images that suspects are asked
    ours = attrs.evolve(full, dataset=enrolment.recipe.dataset, partition=enrolment.recipe.partition)
    ours = attrs.evolve(ours, seed=enrolment.recipe.seed)
    workspace = open_workspace(
        ours, dataset, data_root=data_root, victim_indices=victim_indices, store=store, registry=registry
    )
    data = workspace.dataset
    parts = workspace.parts
    if (parts.victim.digest, parts.pool.digest) != (enrolment.victim["images"], enrolment.victim["pool"]):
        raise DataError(
            f"the images that the victim was trained on, or that suspects are asked, are not those of the enrolment "
            f"({data.address}); name the same data, and --victim-indices if the enrolment had them"
        )
    # the victim itself is not needed: independent models only share its architecture
    workspace.victim_backbone = enrolment.victim["backbone"]
    announce(plan, workspace, workers=workers, on_event=on_event)
    zoo = build_models(plan, workspace, workers=workers, on_event=on_event)
    plain = torch.stack(ask_models(zoo, enrolment.queries, on_event=on_event))
    filtered = ask_models_through(zoo, enrolment.queries, chains, on_event=on_event)
    return Calibration.of(
        calibration_models(plan),
        {PLAIN: plain, **filtered},
        enrolment.encoders,
        enrolment.victim_answers,
        source=f"recipe {full.name}, seed {full.seed}",
    )


def _on_files(
    enrolment: Enrolment,
    folder: Path,
    chains: tuple[FilterChain, ...],
    *,
    alpha: float,
    backbone: str | None,
    outputs: Outputs,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    registry: Registry,
    on_event: Listener,
) -> Calibration:
    files = find_independents(folder, registry)
    models: list[CalibrationModel] = names_once(files)
    require_alpha(alpha, units_of(models))

    request = OpeningRequest(
        num_classes=len(enrolment.classes),
        image_shape=enrolment.queries.image_shape,
        outputs=outputs,
        mean=mean,
        std=std,
    )
    with InProcess(registry) as apart:

        def open_file(file: IndependentFile) -> Query:
            named = file.backbone or (backbone if file.needs_backbone else None)
            return apart.open(file.path, attrs.evolve(request, backbone=named))

        plain, filtered = ask_independents(files, open_file, enrolment.queries, chains, on_event=on_event)
    refuse_unfit(files, plain, enrolment.victim_answers, enrolment.calibration.answers[PLAIN])
    return Calibration.of(
        models,
        {PLAIN: plain, **filtered},
        enrolment.encoders,
        enrolment.victim_answers,
        source=f"{len(models)} models of the folder '{folder.resolve().name}'",
    )
