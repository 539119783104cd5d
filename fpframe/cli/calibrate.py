"""``fpframe calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from fpframe.cli.options import describe_enrolment, numbers, read_indices, require_workers
from fpframe.cli.progress import ProgressBars


def calibrate(
    enrolment: Path,
    *,
    out: Path,
    recipe: str | None = None,
    independents: Path | None = None,
    through: Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=True)] = (),
    alpha: float | None = None,
    data_root: Path | None = None,
    victim_indices: Path | None = None,
    without: Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=True)] = (),
    backbone: str | None = None,
    outputs: Literal["auto", "logits", "probs"] = "auto",
    mean: str | None = None,
    std: str | None = None,
    workers: int | None = None,
    force: Annotated[bool, Parameter(negative=())] = False,
    verbose: Annotated[bool, Parameter(alias="-v", negative=())] = False,
) -> None:
    """Calibrate an enrolment on other independent models, or through a filter. The victim is not needed.

    Args:
        enrolment: Folder that 'fpframe enroll' wrote; it stays as it is.
        out: Folder to write the new enrolment to.
        recipe: Preset or TOML file whose 'calibrate' models are used; the enrolment's own by default.
        independents: Folder of your own independent models (.onnx, .pt2, .safetensors, .pt) to use instead, sorted as
            FILE, STRATUM/FILE or STRATUM/FAMILY/FILE, or written by 'fpframe zoo export'.
        through: Further answer filters to ask the models through, such as "flip(0.5)".
        alpha: New default for the highest p-value at which a suspect is called derived.
        data_root: Folder in which the data lies.
        victim_indices: Indices of the training images that the victim has seen (.npy), as at the enrolment.
        without: Strata to leave out.
        backbone: Architecture of your own files of weights, such as timm:resnet18.
        outputs: How the answers of your own models are read.
        mean: Per-channel mean that your own models subtract from pixels, separated by commas.
        std: Per-channel standard deviation that they divide them by.
        workers: Processes that train models; one for each core by default.
        force: Overwrite an existing enrolment.
        verbose: Show one line for each finished model.
    """
    from fpframe.enrolment import calibrate as run

    with ProgressBars(verbose=verbose) as bars:
        made = run(
            enrolment,
            recipe=recipe,
            independents=independents,
            through=through,
            alpha=alpha,
            data_root=data_root,
            victim_indices=read_indices(victim_indices),
            absent=without,
            backbone=backbone,
            outputs=outputs,
            mean=numbers(mean, "--mean"),
            std=numbers(std, "--std"),
            out=out,
            force=force,
            workers=require_workers(workers),
            on_event=bars,
        )
    print(describe_enrolment(made, out))
