"""``fpframe enroll``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fpframe.cli.options import describe_enrolment, numbers, read_indices, require_workers
from fpframe.cli.progress import ProgressBars


def enroll(
    *,
    out: Path,
    recipe: str = "quick",
    scheme: str | None = None,
    dataset: str | None = None,
    data_root: Path | None = None,
    victim: str | None = None,
    weights: Path | None = None,
    victim_indices: Path | None = None,
    mean: str | None = None,
    std: str | None = None,
    without: Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=True)] = (),
    alpha: float | None = None,
    seed: int | None = None,
    workers: int | None = None,
    force: Annotated[bool, Parameter(negative=())] = False,
    verbose: Annotated[bool, Parameter(alias="-v", negative=())] = False,
) -> None:
    """Fingerprint a victim and calibrate the verdict.

    Args:
        out: Folder to write the enrolment to.
        recipe: Preset, such as tiny, quick or small, or a TOML file.
        scheme: Fingerprint scheme, see 'fpframe plugins'; or a TOML file with one.
        dataset: Data set, such as digits, torchvision:FashionMNIST or folder:PATH.
        data_root: Folder in which the data lies.
        victim: Your model: python:MODULE:FUNCTION, timm:NAME, torchvision:NAME or paper:NAME; without it the
            recipe's is trained.
        weights: The victim's weights (.safetensors, or a state dict in .pt).
        victim_indices: Indices of the training images that the victim has seen (.npy).
        mean: Per-channel mean that the victim subtracts from pixels, separated by commas.
        std: Per-channel standard deviation that it divides them by.
        without: Strata to leave out. Without same-data your architecture is never trained, which saves much time
            where it is a large one.
        alpha: Highest p-value at which a suspect is called derived.
        seed: Decides every random choice.
        workers: Processes that train models; one for each core by default.
        force: Overwrite an existing enrolment.
        verbose: Show one line for each finished model.
    """
    from fpframe.enrolment import enroll as run

    with ProgressBars(verbose=verbose) as bars:
        enrolment = run(
            victim,
            dataset,
            recipe=recipe,
            scheme=scheme,
            seed=seed,
            alpha=alpha,
            weights=weights,
            mean=numbers(mean, "--mean"),
            std=numbers(std, "--std"),
            victim_indices=read_indices(victim_indices),
            data_root=data_root,
            absent=without,
            out=out,
            force=force,
            workers=require_workers(workers),
            on_event=bars,
        )
    print(describe_enrolment(enrolment, out))
