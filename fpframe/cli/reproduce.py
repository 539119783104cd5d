"""``fpframe reproduce``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from fpframe.cli.options import require_workers
from fpframe.cli.progress import ProgressBars

_Flag = Annotated[bool, Parameter(negative=())]


def reproduce(
    *names: str,
    recipe: str = "small",
    dataset: str | None = None,
    data_root: Path | None = None,
    download: _Flag = False,
    out: Path | None = None,
    seed: int | None = None,
    workers: int | None = None,
    force: _Flag = False,
    verbose: Annotated[bool, Parameter(alias="-v", negative=())] = False,
) -> None:
    """Run experiments of the paper's supplement, and put its figures and ours side by side.

    Models and their answers are kept, so a run that was stopped continues where it was.

    Args:
        names: borderpoints, views, contrastive, overlap, accuracy, transfer, auxiliary, queries, or all.
        recipe: Preset, such as tiny, small or paper, or a TOML file.
        dataset: Address of the data, such as folder:cifar10; the recipe's by default.
        data_root: Folder in which the data lies.
        download: Fetch the data set if it is not there.
        out: Folder for pages, data (JSON, CSV) and pictures (SVG), with an index page.
        seed: Decides every random choice; the recipe's by default.
        workers: Processes that train models; one for each core by default.
        force: Overwrite the files in an existing folder.
        verbose: Show one line for each finished model.
    """
    from fpframe.paper import index_page, page, reproduce as run
    from fpframe.report import require_folder
    from fpframe.store import write_durably

    require_folder(out, force=force)
    with ProgressBars(verbose=verbose) as bars:
        runs = run(
            names,
            recipe=recipe,
            out=out,
            dataset=dataset,
            seed=seed,
            data_root=data_root,
            download=download,
            workers=require_workers(workers),
            on_event=bars,
        )
    index = index_page(runs)
    if out is None:
        print("\n".join(page(each) for each in runs.values()))
    else:
        write_durably(out / "index.md", index.encode())
        print(index)
