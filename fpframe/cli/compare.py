"""``fpframe compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fpframe.cli.options import listed, numbers, read_indices, require_workers, whole_numbers
from fpframe.cli.progress import ProgressBars
from fpframe.errors import UsageError


def compare(
    *,
    schemes: str = "",
    scheme_file: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
    recipe: str = "small",
    seeds: int = 1,
    queries: str | None = None,
    folds: int | None = None,
    contrast: str | None = None,
    channel: Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=True)] = ("probs", "top1"),
    victim: str | None = None,
    weights: Path | None = None,
    mean: str | None = None,
    std: str | None = None,
    victim_indices: Path | None = None,
    without: Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=True)] = (),
    data_root: Path | None = None,
    out: Path | None = None,
    workers: int | None = None,
    force: Annotated[bool, Parameter(negative=())] = False,
    verbose: Annotated[bool, Parameter(alias="-v", negative=())] = False,
) -> None:
    """Enroll one victim by several schemes, and score the same unseen models.

    The answers of every model are kept, so a comparison that was stopped continues where it was.

    Args:
        schemes: Names, separated by commas; see 'fpframe plugins'.
        scheme_file: A scheme of your own (TOML). May be given several times.
        recipe: Preset, such as tiny, quick or small, or a TOML file.
        seeds: Number of enrolments of each scheme; data and models stay the same.
        queries: Queries to a suspect, separated by commas: every scheme in each of these sizes, instead of
            its own.
        folds: Cross-fit in this many folds of families: every model is scored by what was made without its fold. This
            scores more models, but nothing is calibrated.
        contrast: Two schemes to be tested against each other in every cell, as in residual:akh.
        channel: What the models reveal.
        victim: The victim, when it is not the recipe's.
        weights: Its weights.
        mean: Per-channel mean that it subtracts from pixels, separated by commas.
        std: Per-channel standard deviation that it divides them by.
        victim_indices: Indices of the training images that it has seen (.npy).
        without: Strata to leave out.
        data_root: Folder in which the data lies.
        out: Folder for result.json, table.md, cells.csv and pictures.
        workers: Processes that train models; one for each core by default.
        force: Overwrite the files in an existing folder.
        verbose: Show one line for each finished model.
    """
    from fpframe.comparison import compare as run
    from fpframe.report import comparison_markdown, require_folder, write_comparison

    require_folder(out, force=force)
    sizes = whole_numbers(queries, "--queries")
    tested = _pair(contrast)
    with ProgressBars(verbose=verbose) as bars:
        comparison = run(
            [*listed(schemes), *map(str, scheme_file)],
            recipe=recipe,
            seeds=seeds,
            sizes=sizes,
            folds=folds,
            contrast=tested,
            channels=channel,
            victim=victim,
            weights=weights,
            mean=numbers(mean, "--mean"),
            std=numbers(std, "--std"),
            victim_indices=read_indices(victim_indices),
            data_root=data_root,
            absent=without,
            workers=require_workers(workers),
            on_event=bars,
        )
    print(comparison_markdown(comparison) if out is None else write_comparison(comparison, out))


def _pair(text: str | None) -> tuple[str, str] | None:
    """Read two names of schemes.

    Raises:
        UsageError: these are not two.
    """
    if text is None:
        return None
    first, colon, second = text.partition(":")
    if not (first and colon and second) or first == second:
        raise UsageError(f"--contrast takes two schemes, as in residual:akh (got '{text}')")
    return first, second
