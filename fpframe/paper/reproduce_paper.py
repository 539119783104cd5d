"""`reproduce`: run experiments of the paper's supplement on one victim and one zoo."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from fpframe.base import Event, Listener, ignore, machine_profile
from fpframe.enrolment import check_method, check_pool, find_scheme
from fpframe.errors import UsageError, nearest
from fpframe.opening import download_dataset
from fpframe.paper.experiment import ALL, EXPERIMENTS, Experiment
from fpframe.paper.folder import Run, write_run
from fpframe.paper.laboratory import UAP, Laboratory
from fpframe.recipe import Recipe
from fpframe.registry import Registry, load_registry
from fpframe.store import Store
from fpframe.zoo import VictimRequest, announce, build_models, open_workspace, plan_models, prepare


def reproduce(
    names: Sequence[str],
    *,
    recipe: Recipe | str | Path = "small",
    out: str | Path | None = None,
    dataset: str | None = None,
    seed: int | None = None,
    data_root: str | Path | None = None,
    download: bool = False,
    workers: int = 1,
    store: Store | None = None,
    registry: Registry | None = None,
    on_event: Listener = ignore,
) -> dict[str, Run]:
    """Run experiments of the paper, and write each as soon as it is finished.

    Models and their answers are kept in the store, so a run that was stopped continues where it was.

    Args:
        names: names in `EXPERIMENTS`, or ``all``.
        recipe: preset name, TOML file, or a recipe.
        out: folder for pages, data, tables and pictures; ``None`` writes nothing.
        dataset: address of the data; ``None`` takes the recipe's.
        seed: decides every random choice; ``None`` takes the recipe's.
        data_root: folder of data sets that are files.
        download: fetch a data set that is not there.
        workers: processes that train models.
        store: where models and answers are kept.
        registry: plugins; ``None`` takes the installed ones.
        on_event: is told of progress.

    Returns:
        What came out, by name.

    Raises:
        UsageError: there is no such experiment; nothing was trained then.
        RecipeError: the recipe cannot be read, or lacks models that an experiment needs.
        DataError: the data cannot be used; the message says where to get it.
    """
    experiments = [find_experiment(name) for name in _complete(names)]
    registry = registry or load_registry()
    full = recipe if isinstance(recipe, Recipe) else Recipe.load(recipe)
    changes: dict[str, Any] = {"dataset": dataset, "seed": seed}
    full = attrs.evolve(full, **{key: value for key, value in changes.items() if value is not None})
    check_method(full, registry, absent=())
    planned = plan_models(full, registry)
    for experiment in experiments:
        experiment.require(planned, full)
    if download:
        download_dataset(registry, full.dataset, data_root)
    laboratory = open_laboratory(
        full, data_root=data_root, workers=workers, store=store, registry=registry, on_event=on_event
    )
    runs: dict[str, Run] = {}
    # the folder of the data is called so on the page, wherever it was
    options = {"--dataset": dataset, "--seed": seed, "--data-root": None if data_root is None else "data"}
    given = tuple(word for name, value in options.items() if value is not None for word in (name, str(value)))
    for run in _runs(experiments, laboratory, given):
        runs[run.experiment.name] = run
        if out is not None:
            write_run(run, Path(out))
    return runs


def open_laboratory(
    recipe: Recipe,
    *,
    data_root: str | Path | None = None,
    workers: int = 1,
    store: Store | None = None,
    registry: Registry | None = None,
    on_event: Listener = ignore,
) -> Laboratory:
    """Open the data, train the recipe's victim and models where they are missing, and return a laboratory.

    Raises:
        RecipeError: the recipe lacks models.
        DataError: the data cannot be used.
    """
    registry = registry or load_registry()
    workspace = open_workspace(recipe, None, data_root=data_root, victim_indices=None, store=store, registry=registry)
    method = check_method(recipe, registry, absent=(), scheme=find_scheme(UAP, registry))
    check_pool(method.parts, workspace.parts.pool)
    setting = prepare(VictimRequest(), recipe, workspace, absent=(), on_event=on_event)
    plan = plan_models(recipe, registry)
    announce(plan, workspace, workers=workers, on_event=on_event)
    zoo = build_models(plan, workspace, workers=workers, on_event=on_event)
    return Laboratory(setting=setting, zoo=zoo, workers=workers, on_event=on_event)


def find_experiment(name: str) -> Experiment:
    """Return an experiment by its name.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in EXPERIMENTS:
        raise UsageError(f"unknown experiment '{name}'{nearest(name, (*EXPERIMENTS, ALL))}")
    found: Experiment = importlib.import_module(f"fpframe.paper.{name}").EXPERIMENT
    return found


def _complete(names: Sequence[str]) -> list[str]:
    if not names:
        raise UsageError(f"no experiment named; choose from {', '.join(EXPERIMENTS)}, or {ALL}")
    return list(dict.fromkeys(each for name in names for each in (EXPERIMENTS if name == ALL else (name,))))


def _runs(experiments: Sequence[Experiment], laboratory: Laboratory, options: tuple[str, ...] = ()) -> Iterator[Run]:
    setting = laboratory.setting
    test = setting.workspace.dataset.test
    victim = {
        "address": setting.victim_name,
        "accuracy": round(laboratory.victim.accuracy(test.pixels, test.labels), 6),
    }
    for experiment in experiments:
        laboratory.on_event(Event(task="reproducing", kind="note", text=f"{experiment.name}: {experiment.title}"))
        started = time.monotonic()
        finding = experiment.run(laboratory)
        yield Run(
            experiment=experiment,
            finding=finding,
            recipe=laboratory.recipe,
            options=options,
            victim=victim,
            seconds=time.monotonic() - started,
            profile=machine_profile(),
        )
