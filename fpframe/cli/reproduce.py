"""``fpframe reproduce``."""

from __future__ import annotations

from pathlib import Path

from fpframe.cli.options import Flag, RunOptions
from fpframe.cli.streams import say


def reproduce(
    *names: str,
    recipe: str = "small",
    download: Flag = False,
    out: Path | None = None,
    seed: int | None = None,
    force: Flag = False,
    run: RunOptions = RunOptions(),
) -> None:
    """Run experiments of the paper's supplement, and put its figures and ours side by side.

    Models and their answers are kept, so a run that was stopped continues where it was.

    Args:
        names: borderpoints, views, contrastive, overlap, accuracy, transfer, auxiliary, queries, or all.
        recipe: Preset, such as tiny, small or paper, or a TOML file.
        download: Fetch the data set if it is not there.
        out: Folder for pages, data (JSON, CSV) and pictures (SVG), with an index page.
        seed: Decides every random choice; the recipe's by default.
        force: Overwrite the files in an existing folder.
        run: The data, and how work is carried out.
    """
    from fpframe.paper import index_page, page, reproduce as reproduce_paper
    from fpframe.store import refuse_folder, write_durably

    if out is not None:
        refuse_folder(out, force=force)
    with run.shown() as shown:
        made = reproduce_paper(
            names, recipe=recipe, out=out, dataset=run.dataset, seed=seed, download=download, run=shown
        )
    index = index_page(made)
    if out is None:
        say("\n".join(page(each) for each in made.values()))
    else:
        write_durably(out / "index.md", index.encode())
        say(index)
