"""``fpframe zoo``: plan, build, list and export the models of a recipe."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
from cyclopts import App, Parameter

from fpframe.cli.options import listed, numbers, read_indices, require_workers
from fpframe.cli.progress import ProgressBars

if TYPE_CHECKING:
    from fpframe.executors import Executor
    from fpframe.zoo import ZooPlan

zoo = App(name="zoo", help="Plan, build, list or export the derived and independent models of a recipe.")

_Flag = Annotated[bool, Parameter(negative=())]
#: What a build leaves of the models: all of them, or what they answered.
KEEP = ("answers", "weights")

_Json = Annotated[bool, Parameter(name="--json", negative=())]


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class ZooOptions:
    """What every command of the zoo can be told.

    Attributes:
        data_root: Folder in which the data lies.
        seed: Decides every random choice; the recipe's by default.
        split: Splits to take, such as fit calibrate; all by default.
        without: Strata to leave out.
        victim: Your model, as in 'fpframe enroll'; without it the recipe's.
        weights: The victim's weights (.safetensors, or a state dict in .pt).
        mean: Per-channel mean that the victim subtracts from pixels, separated by commas.
        std: Per-channel standard deviation that it divides them by.
        victim_indices: Indices of the training images that the victim has seen (.npy).
    """

    data_root: Path | None = None
    seed: int | None = None
    split: Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=True)] = ()
    without: Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=True)] = ()
    victim: str | None = None
    weights: Path | None = None
    mean: str | None = None
    std: str | None = None
    victim_indices: Path | None = None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `plan_zoo` and `build_zoo`."""
        from fpframe.recipe import SPLITS

        return {
            "data_root": self.data_root,
            "seed": self.seed,
            "splits": self.split or SPLITS,
            "absent": self.without,
            "victim": self.victim,
            "weights": self.weights,
            "mean": numbers(self.mean, "--mean"),
            "std": numbers(self.std, "--std"),
            "victim_indices": read_indices(self.victim_indices),
        }


@zoo.command
def plan(
    recipe: str,
    *,
    options: ZooOptions = ZooOptions(),
    workers: int | None = None,
    json_: _Json = False,
) -> None:
    """Say what would be trained, what is there already, and how long the rest will take. Nothing is trained.

    Args:
        recipe: Preset or TOML file.
        options: What every command of the zoo can be told.
        workers: Processes that would train models; one for each core by default.
        json_: Print exactly one JSON object.
    """
    from fpframe.report import outlook_dict, outlook_text

    count = require_workers(workers)
    outlook = _plan(recipe, options).outlook()
    text = json.dumps(outlook_dict(outlook, workers=count), indent=2) if json_ else outlook_text(outlook, workers=count)
    print(text)


@zoo.command
def build(
    recipe: str,
    *,
    options: ZooOptions = ZooOptions(),
    keep: str = "weights",
    schemes: str = "",
    executor: str = "processes",
    workers: int | None = None,
    address: str | None = None,
    cpus: float = 1.0,
    gpus: float = 0.0,
    verbose: Annotated[bool, Parameter(alias="-v", negative=())] = False,
) -> None:
    """Train what is missing. You may interrupt it at any moment; run again, it continues where it was.

    Args:
        recipe: Preset or TOML file.
        options: What every command of the zoo can be told.
        keep: weights, or answers: every model is asked the queries of the recipe's scheme, then all weights but the
            victim's are dropped, so that the store is small and compares the models on any machine. weights trains
            dropped ones again.
        schemes: With --keep answers, names of further schemes whose queries are asked, separated by commas.
        executor: inline, processes or ray.
        workers: Models that are trained at the same time; one for each core by default.
        address: Ray cluster to join, as HOST:PORT or auto; without it Ray runs on this machine alone.
        cpus: CPUs that Ray sets aside for each model.
        gpus: GPUs that Ray sets aside for each model; a fraction lets models share one.
        verbose: Show one line for each finished model.

    Raises:
        UsageError: there is nothing of that name to keep, or schemes are named where weights are kept.
    """
    from fpframe.errors import UsageError, nearest
    from fpframe.executors import open_executor

    if keep not in KEEP:
        raise UsageError(f"--keep takes answers or weights (got '{keep}'){nearest(keep, KEEP)}")
    if schemes and keep != "answers":
        raise UsageError("--schemes names schemes whose queries are sent; it needs --keep answers")
    engine = open_executor(executor, workers=require_workers(workers), address=address, cpus=cpus, gpus=gpus)
    planned = _plan(recipe, options)
    started = time.monotonic()
    with ProgressBars(verbose=verbose) as bars:
        kept = _kept(planned, keep, listed(schemes), options.without, engine, bars)
    minutes = (time.monotonic() - started) / 60
    store = planned.workspace.store.root
    print(f"{len(planned.models)} models are in the store, {kept}after {minutes:.1f} minutes ({store})")


@zoo.command(name="list")
def list_(
    recipe: str,
    *,
    options: ZooOptions = ZooOptions(),
    summary: Annotated[bool, Parameter(negative=())] = False,
    json_: _Json = False,
) -> None:
    """List the models: lineage, relation, stratum, family, split, accuracy, agreement with the victim.

    Args:
        recipe: Preset or TOML file.
        options: What every command of the zoo can be told.
        summary: Print means over the models of each kind and architecture instead of the models.
        json_: Print exactly one JSON list.

    Raises:
        UsageError: both a summary and JSON are asked for.
    """
    from fpframe.errors import UsageError
    from fpframe.report import dropped_text, zoo_dict, zoo_summary, zoo_text
    from fpframe.zoo import dropped_models

    if summary and json_:
        raise UsageError("--summary and --json exclude each other; the JSON holds every model")

    planned = _plan(recipe, options)
    rows = planned.rows()
    if json_:
        print(json.dumps(zoo_dict(rows), indent=2))
        return
    print(zoo_summary(rows) if summary else zoo_text(rows))
    dropped = dropped_models(planned.models, planned.workspace)
    if dropped:
        print(f"\n{len(planned.models)} models; {dropped_text(len(dropped))}")


@zoo.command
def export(
    recipe: str,
    *,
    out: Path,
    format: str = "onnx",
    options: ZooOptions = ZooOptions(),
    force: _Flag = False,
) -> None:
    """Write each model to a file, and models.json that says what each of them is.

    Args:
        recipe: Preset or TOML file; its models are built already.
        options: What every command of the zoo can be told.
        out: Folder for the files.
        format: onnx, safetensors or pt2.
        force: Overwrite an earlier export.
    """
    from fpframe.zoo import Zoo, export_zoo

    planned = _plan(recipe, options)
    with ProgressBars() as bars:
        index = export_zoo(Zoo(planned.models, planned.workspace), out, format=format, force=force, on_event=bars)
    print(f"{index}: {len(json.loads(index.read_text()))} models as {format}")


def _kept(
    planned: ZooPlan,
    keep: str,
    schemes: list[str],
    absent: tuple[str, ...],
    engine: Executor,
    bars: ProgressBars,
) -> str:
    """Build the zoo, and return in words what was dropped of it."""
    from fpframe.enrolment import keep_answers, keep_weights, stored_bytes

    if keep == "weights":
        keep_weights(planned, executor=engine, on_event=bars)
        return ""
    kept = keep_answers(planned, schemes, absent=absent, executor=engine, on_event=bars)
    size = stored_bytes(planned.workspace.store)
    return (
        f"with their answers and without weights: {kept.dropped} dropped, {_mebibytes(kept.freed)} freed, "
        f"{_mebibytes(size)} in the store, "
    )


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def _plan(recipe: str, options: ZooOptions) -> ZooPlan:
    from fpframe.zoo import plan_zoo

    return plan_zoo(recipe, **options.arguments())
