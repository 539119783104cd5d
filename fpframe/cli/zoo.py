"""``fpframe zoo``: plan, build, list and export the models of a recipe."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from cyclopts import App, Group, Parameter

from fpframe.cli.options import Flag, Json, Names, RunOptions, VictimOptions, Words
from fpframe.cli.streams import complain, say
from fpframe.cli.texts import listed

if TYPE_CHECKING:
    from fpframe.executors import Executor
    from fpframe.recipe import Run
    from fpframe.zoo import ZooPlan

zoo = App(name="zoo", help="Plan, build, list or export the derived and independent models of a recipe.")

#: What a build leaves of the models: all of them, or what they answered.
KEEP = ("answers", "weights")


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class ModelOptions:
    """Which models of the recipe.

    Attributes:
        seed: Decides every random choice; the recipe's by default.
        splits: Splits to take, such as fit calibrate; all by default.
        without: Strata to leave out.
    """

    seed: int | None = None
    splits: Words = ()
    without: Words = ()

    def plan(self, recipe: str, victim: VictimOptions, dataset: str | None, run: Run) -> ZooPlan:
        """Return the plan of these models."""
        from fpframe.recipe import SPLITS
        from fpframe.zoo import plan_zoo

        return plan_zoo(
            recipe,
            dataset,
            victim=victim.named(),
            seed=self.seed,
            splits=self.splits or SPLITS,
            without=self.without,
            run=run,
        )


def refuse_code_of(recipe: str, victim: VictimOptions, dataset: str | None, run: Run) -> None:
    """Refuse a recipe that names code, for a command that only looks; addresses that are typed are consent enough.

    Raises:
        UsageError: names the address.
    """
    from fpframe.opening import refuse_code
    from fpframe.recipe import Recipe
    from fpframe.zoo import recipe_addresses

    addresses = recipe_addresses(Recipe.load(recipe))
    whose = f"recipe '{recipe}', of which nothing is run before it is built"
    refuse_code(run.registry, addresses, whose=whose, trusted=[victim.victim, victim.backbone, dataset])


def refused_by_enroll(planned: ZooPlan) -> str | None:
    """Return why nobody could be enrolled with a recipe, which its owner should know before hours of training.

    Where only some splits are planned, nobody means to enroll with them, and nothing is said.
    """
    from fpframe.enrolment import check_method, check_pool
    from fpframe.errors import FpframeError

    recipe, workspace = planned.recipe, planned.workspace
    if not {"fit", "calibrate"} <= {model.split for model in planned.models}:
        return None
    try:
        method = check_method(recipe, workspace.registry, without=planned.without)
        check_pool(method.parts, workspace.parts.pool)
    except FpframeError as error:
        return str(error)
    return None


@Parameter(name="*", group=Group("Executor", sort_key=4))
@attrs.frozen(kw_only=True)
class ExecutorOptions:
    """What trains the models.

    Attributes:
        executor: inline, processes, ray or slurm.
        address: Ray cluster to join, as HOST:PORT or auto; without it Ray runs on this machine alone.
        cpus: CPUs that Ray sets aside for each model, or Slurm for each job; 1 by default.
        gpus: GPUs that Ray sets aside for each model, or Slurm for each job; of Ray's a fraction lets models share one.
        partition: Where Slurm runs its jobs.
        minutes: Minutes that Slurm gives each job, at least twice what the longest model takes; 60 by default.
        memory: GiB that Slurm sets aside for each job.
    """

    executor: str = "processes"
    address: str | None = None
    cpus: float | None = None
    gpus: float | None = None
    partition: str | None = None
    minutes: int | None = None
    memory: float | None = None

    def opened(self, workers: int) -> Executor:
        """Return the executor; Slurm's messages lie beside the store, which all nodes share.

        Raises:
            UsageError: there is none of that name, or an option does not apply to it.
        """
        from fpframe.executors import open_executor
        from fpframe.store import Store

        return open_executor(
            self.executor,
            workers=workers,
            address=self.address,
            cpus=self.cpus,
            gpus=self.gpus,
            partition=self.partition,
            minutes=self.minutes,
            memory=self.memory,
            folder=Store.default().root / "slurm" if self.executor == "slurm" else None,
        )


@zoo.command
def plan(
    recipe: str,
    *,
    models: ModelOptions = ModelOptions(),
    gpu_tflops: float | None = None,
    json_: Json = False,
    victim: VictimOptions = VictimOptions(),
    run: RunOptions = RunOptions(),
) -> None:
    """Say what would be trained, what is there already, and what the rest takes: time, disk, memory, hours of a GPU.

    Nothing is trained.

    Args:
        recipe: Preset or TOML file.
        models: Which models of the recipe.
        gpu_tflops: Operations that your GPU does in a second while it trains, in units of 10^12, for the hours that it
            would take; 10 by default, which is an assumption.
        json_: Print exactly one JSON object.
        victim: The owner's model.
        run: The data, and how work is carried out.
    """
    from fpframe.errors import UsageError
    from fpframe.report import outlook_dict, outlook_text
    from fpframe.zoo import GPU_TFLOPS

    tflops = GPU_TFLOPS if gpu_tflops is None else gpu_tflops
    if not 0 < tflops < math.inf:
        raise UsageError(f"--gpu-tflops must be above 0 and finite (got {tflops:g})")
    silent = run.silent()
    if not silent.trust_code:
        refuse_code_of(recipe, victim, run.dataset, silent)
    planned = models.plan(recipe, victim, run.dataset, silent)
    outlook, refused = planned.outlook(), refused_by_enroll(planned)
    if json_:
        say(
            json.dumps(
                {**outlook_dict(outlook, workers=run.count, tflops=tflops), "refused_by_enroll": refused}, indent=2
            )
        )
        return
    say(outlook_text(outlook, workers=run.count, tflops=tflops))
    if refused:
        say(f"These models can be built, but `fpframe enroll` would refuse the recipe: {refused}")


@zoo.command
def build(
    recipe: str,
    *,
    models: ModelOptions = ModelOptions(),
    keep: str = "weights",
    schemes: Names = "",
    victim: VictimOptions = VictimOptions(),
    run: RunOptions = RunOptions(),
    executor: ExecutorOptions = ExecutorOptions(),
) -> None:
    """Train what is missing. You may interrupt it at any moment; run again, it continues where it was.

    Args:
        recipe: Preset or TOML file.
        models: Which models of the recipe.
        keep: weights, or answers: every model is asked the queries of the recipe's scheme, then all weights but the
            victim's are dropped, so that the store is small and compares the models on any machine. weights trains
            dropped ones again.
        schemes: With --keep answers, further schemes whose queries are asked, as names or TOML files, separated by
            commas.
        victim: The owner's model.
        run: The data, and how work is carried out.
        executor: What trains the models.

    Raises:
        UsageError: there is nothing of that name to keep, or schemes are named where weights are kept.
    """
    from fpframe.errors import UsageError, nearest
    from fpframe.report import costs_text
    from fpframe.zoo import announce, stored_costs

    if keep not in KEEP:
        raise UsageError(f"--keep takes answers or weights (got '{keep}'){nearest(keep, KEEP)}")
    if schemes and keep != "answers":
        raise UsageError("--schemes names schemes whose queries are sent; it needs --keep answers")
    opened = executor.opened(run.count)
    planned = models.plan(recipe, victim, run.dataset, run.silent())
    if refused := refused_by_enroll(planned):
        complain(f"warning: `fpframe enroll` would refuse this recipe: {refused}")
    with run.shown(executor=opened) as shown:
        outlook = announce(planned.models, planned.workspace, shown)
        started = time.monotonic()
        kept = _kept(attrs.evolve(planned, run=shown), keep, listed(schemes))
    minutes = (time.monotonic() - started) / 60
    if outlook.missing:
        say(costs_text(stored_costs(outlook.missing, planned.workspace), minutes=minutes))
    store = planned.workspace.store.root
    say(f"{len(planned.models)} models are in the store, {kept}after {minutes:.1f} minutes ({store})")


@zoo.command(name="list")
def list_(
    recipe: str,
    *,
    models: ModelOptions = ModelOptions(),
    summary: Flag = False,
    json_: Json = False,
    victim: VictimOptions = VictimOptions(),
    run: RunOptions = RunOptions(),
) -> None:
    """List the models: lineage, relation, stratum, family, split, accuracy, agreement with the victim.

    Args:
        recipe: Preset or TOML file.
        models: Which models of the recipe.
        summary: Print means over the models of each kind and architecture instead of the models.
        json_: Print exactly one JSON list.
        victim: The owner's model.
        run: The data, and how work is carried out.

    Raises:
        UsageError: both a summary and JSON are asked for.
    """
    from fpframe.errors import UsageError
    from fpframe.report import dropped_text, zoo_dict, zoo_summary, zoo_text
    from fpframe.zoo import dropped_models

    if summary and json_:
        raise UsageError("--summary and --json exclude each other; the JSON holds every model")

    silent = run.silent()
    if not silent.trust_code:
        refuse_code_of(recipe, victim, run.dataset, silent)
    planned = models.plan(recipe, victim, run.dataset, silent)
    rows = planned.rows()
    if json_:
        say(json.dumps(zoo_dict(rows), indent=2))
        return
    say(zoo_summary(rows) if summary else zoo_text(rows))
    dropped = dropped_models(planned.models, planned.workspace)
    if dropped:
        say(f"\n{len(planned.models)} models; {dropped_text(len(dropped))}")


@zoo.command
def export(
    recipe: str,
    *,
    out: Path,
    format: str = "onnx",
    models: ModelOptions = ModelOptions(),
    force: Flag = False,
    victim: VictimOptions = VictimOptions(),
    run: RunOptions = RunOptions(),
) -> None:
    """Write each model to a file, and models.json that says what each of them is.

    Args:
        recipe: Preset or TOML file; its models are built already.
        out: Folder for the files.
        format: onnx, safetensors or pt2.
        models: Which models of the recipe.
        force: Overwrite an earlier export.
        victim: The owner's model.
        run: The data, and how work is carried out.
    """
    from fpframe.zoo import Zoo, export_zoo

    planned = models.plan(recipe, victim, run.dataset, run.silent())
    made = Zoo(planned.models, planned.workspace)
    with run.shown() as shown:
        index = export_zoo(made, out, format=format, force=force, on_event=shown.on_event)
    say(f"{index}: {len(json.loads(index.read_text()))} models as {format}")


def _kept(planned: ZooPlan, keep: str, schemes: list[str]) -> str:
    """Build the zoo, and return in words what was dropped of it."""
    from fpframe.evaluation import keep_answers, stored_bytes

    if keep == "weights":
        planned.build(need_weights=True)
        return ""
    kept = keep_answers(planned, schemes)
    size = stored_bytes(planned.workspace.store)
    return (
        f"with their answers and without weights: {kept.dropped} dropped, {_mebibytes(kept.freed)} freed, "
        f"{_mebibytes(size)} in the store, "
    )


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"
