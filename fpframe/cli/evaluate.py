"""``fpframe evaluate``."""

from __future__ import annotations

from pathlib import Path

from fpframe.cli.options import Flag, RunOptions, VictimOptions, Words
from fpframe.cli.streams import say


def evaluate(
    enrolment: Path,
    *enrolments: Path,
    channels: Words = (),
    out: Path | None = None,
    force: Flag = False,
    victim: VictimOptions = VictimOptions(),
    run: RunOptions = RunOptions(),
) -> None:
    """Question the recipe's held-out models, and count how well the verdicts do.

    Args:
        enrolment: Folder that 'fpframe enroll' wrote.
        enrolments: Enrolments of the same victim by other schemes, for further columns.
        channels: What the models reveal, such as probs top1; every channel of the enrolment by default.
        out: Folder for result.json, table.md and pictures.
        force: Overwrite the files in an existing folder.
        victim: The victim as it was enrolled.
        run: The data, and how work is carried out.
    """
    from fpframe.enrolment import Enrolment
    from fpframe.evaluation import evaluate as evaluate_models
    from fpframe.report import evaluation_markdown, write_evaluations
    from fpframe.store import refuse_folder

    if out is not None:
        refuse_folder(out, force=force)
    with run.shown() as shown:
        opened = [Enrolment.open(path, registry=shown.registry) for path in (enrolment, *enrolments)]
        evaluations = evaluate_models(
            opened, victim=victim.named(), dataset=run.dataset, channels=channels or None, run=shown
        )
    say(evaluation_markdown(evaluations))
    if out is not None:
        write_evaluations(evaluations, out)
