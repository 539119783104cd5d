"""``fpframe evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fpframe.cli.options import numbers, read_indices, require_workers
from fpframe.cli.progress import ProgressBars


def evaluate(
    enrolment: Path,
    *enrolments: Path,
    victim: str | None = None,
    weights: Path | None = None,
    mean: str | None = None,
    std: str | None = None,
    victim_indices: Path | None = None,
    data_root: Path | None = None,
    channel: Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=True)] = (),
    out: Path | None = None,
    workers: int | None = None,
    force: Annotated[bool, Parameter(negative=())] = False,
    verbose: Annotated[bool, Parameter(alias="-v", negative=())] = False,
) -> None:
    """Question the recipe's held-out models, and count how well the verdicts do.

    Args:
        enrolment: Folder that 'fpframe enroll' wrote.
        enrolments: Enrolments of the same victim by other schemes, for further columns.
        victim: The victim, when it is not the recipe's.
        weights: Its weights.
        mean: Per-channel mean that it subtracts from pixels, separated by commas.
        std: Per-channel standard deviation that it divides them by.
        victim_indices: Indices of the training images that it has seen (.npy).
        data_root: Folder in which the data lies.
        channel: What the models reveal, such as probs top1; every channel of the enrolment by default.
        out: Folder for result.json, table.md and pictures.
        workers: Processes that train models; one for each core by default.
        force: Overwrite the files in an existing folder.
        verbose: Show one line for each finished model.
    """
    from fpframe.enrolment import Enrolment
    from fpframe.evaluation import evaluate as run
    from fpframe.registry import load_registry
    from fpframe.report import evaluation_markdown, require_folder, write_evaluations

    require_folder(out, force=force)
    registry = load_registry()
    opened = [Enrolment.open(path, registry=registry) for path in (enrolment, *enrolments)]
    with ProgressBars(verbose=verbose) as bars:
        evaluations = run(
            opened,
            victim=victim,
            weights=weights,
            mean=numbers(mean, "--mean"),
            std=numbers(std, "--std"),
            victim_indices=read_indices(victim_indices),
            data_root=data_root,
            channels=channel or None,
            workers=require_workers(workers),
            registry=registry,
            on_event=bars,
        )
    print(evaluation_markdown(evaluations))
    if out is not None:
        write_evaluations(evaluations, out)
