"""`reproduce`: run experiments of the paper's supplement on one victim and one zoo."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from fpframe.base import Event, machine_profile
from fpframe.enrolment import check_method, check_pool, top_up, victim_labels
from fpframe.errors import UsageError, nearest
from fpframe.models import Dataset
from fpframe.opening import download_dataset
from fpframe.paper.experiment import ALL, EXPERIMENTS, Experiment
from fpframe.paper.folder import Reproduction, write_reproduction
from fpframe.paper.laboratory import UAP, Laboratory
from fpframe.recipe import Recipe, Run, explains_former
from fpframe.zoo import announce, build_models, open_workspace, plan_models, prepare


@explains_former()
def reproduce(
    names: Sequence[str],
    *,
    recipe: Recipe | str | Path = "small",
    out: str | Path | None = None,
    dataset: Dataset | str | None = None,
    seed: int | None = None,
    download: bool = False,
    run: Run | None = None,
) -> dict[str, Reproduction]:
    """Run experiments of the paper, and write each as soon as it is finished.

    Models and their answers are kept in the store, so a run that was stopped continues where it was.

    Args:
        names: names in `EXPERIMENTS`, or ``all``.
        recipe: preset name, TOML file, or a recipe.
        out: folder for pages, data, tables and pictures; ``None`` writes nothing.
        dataset: the data, or its address; ``None`` takes the recipe's.
        seed: decides every random choice; ``None`` takes the recipe's.
        download: fetch a data set that is not there.
        run: how the work is carried out.

    Returns:
        What came out, by name.

    Raises:
        UsageError: there is no such experiment; nothing was trained then.
        RecipeError: the recipe cannot be read, or lacks models that an experiment needs.
        DataError: the data cannot be used; the message says where to get it.
    """
    experiments = [find_experiment(name) for name in _complete(names)]
    run = run or Run()
    full = Recipe.of(recipe, dataset=dataset, seed=seed)
    check_method(full, run.registry)
    planned = plan_models(full, run.registry)
    for experiment in experiments:
        experiment.require(planned, full)
    if download:
        download_dataset(run.registry, full.dataset, run.data_root)
    # the folder of the data is called so on the page, wherever it was
    options = {
        "--dataset": None if dataset is None else full.dataset,
        "--seed": seed,
        "--data-root": None if run.data_root is None else "data",
    }
    given = tuple(word for name, value in options.items() if value is not None for word in (name, str(value)))
    made: dict[str, Reproduction] = {}
    with run.computing():
        for each in _reproductions(experiments, open_laboratory(full, dataset, run), given):
            made[each.experiment.name] = each
            if out is not None:
                write_reproduction(each, Path(out))
    return made


def open_laboratory(recipe: Recipe, dataset: Dataset | str | None = None, run: Run | None = None) -> Laboratory:
    """Open the data, train the recipe's victim and models where they are missing, and return a laboratory.

    Raises:
        RecipeError: the recipe lacks models.
        DataError: the data cannot be used.
    """
    run = run or Run()
    workspace = open_workspace(recipe, dataset, run)
    check_pool(check_method(recipe, run.registry, scheme=UAP).parts, workspace.parts.pool)
    setting = prepare(None, recipe, workspace, run)
    plan = plan_models(recipe, run.registry)
    announce(plan, workspace, run)
    zoo = top_up(build_models(plan, workspace, run), recipe, victim_labels(workspace, recipe.seed), run)
    return Laboratory(setting=setting, zoo=zoo, run=run)


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


def _reproductions(
    experiments: Sequence[Experiment], laboratory: Laboratory, options: tuple[str, ...] = ()
) -> Iterator[Reproduction]:
    setting = laboratory.setting
    test = setting.workspace.dataset.test
    victim = {
        "address": setting.victim_name,
        "accuracy": round(laboratory.victim.accuracy(test.stream, test.labels), 6),
    }
    for experiment in experiments:
        laboratory.run.on_event(Event(task="reproducing", kind="note", text=f"{experiment.name}: {experiment.title}"))
        started = time.monotonic()
        finding = experiment.run(laboratory)
        yield Reproduction(
            experiment=experiment,
            finding=finding,
            recipe=laboratory.recipe,
            options=options,
            victim=victim,
            seconds=time.monotonic() - started,
            profile=machine_profile(),
        )
