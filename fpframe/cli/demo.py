"""``fpframe demo``."""

from __future__ import annotations

from pathlib import Path

from fpframe.cli.options import Flag, RunOptions, Verbose
from fpframe.cli.streams import say


def demo(
    *,
    out: Path = Path("fpframe-demo"),
    seed: int = 0,
    workers: int | None = None,
    force: Flag = False,
    verbose: Verbose = False,
) -> None:
    """Try everything on scikit-learn's digits: train, enroll, verify, in about a minute.

    Args:
        out: Folder to write the enrolment, result.json and pictures to.
        seed: Decides every random choice.
        workers: Processes that train models; one for each core by default.
        force: Overwrite an earlier demo.
        verbose: Show one line for each finished model.
    """
    from fpframe.demo import run_demo
    from fpframe.report import suspects_text

    with RunOptions(workers=workers, verbose=verbose).shown() as run:
        evaluation = run_demo(out, seed=seed, force=force, run=run)
    say(suspects_text(evaluation))
    say(f"\nWritten to {out}: digits.enrolment, result.json, table.md, and five pictures (SVG).")
