"""``fpframe audit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import attrs
from cyclopts import Parameter

from fpframe.cli.options import Json, RunOptions, VictimOptions
from fpframe.cli.streams import say

#: Something differs further than machines do.
_DIFFERS_EXIT = 5


def audit(
    enrolment: Path,
    /,
    *,
    commitment: Path | None = None,
    models: int = 10,
    answers: Annotated[tuple[Path, ...], Parameter(negative=(), show_default=False)] = (),
    json_: Json = False,
    victim: VictimOptions = VictimOptions(),
    run: RunOptions = RunOptions(),
) -> int:
    """Derive an enrolment again, and say part by part how like it is to what was handed over.

    Args:
        enrolment: Folder that 'fpframe enroll' wrote.
        commitment: Case that it should have been made under; victim and data are opened as it says, where you do not
            name them.
        models: How many calibration models are trained again, chosen at random.
        answers: Recorded answers (.npz) of a suspect, which both enrolments judge; once for each of several.
        json_: Print exactly one JSON object.
        victim: The owner's model; without it only the calibration is derived.
        run: The data, and how work is carried out.
    """
    import json

    from fpframe.cli.committed import named_again, refuse_code_of
    from fpframe.evidence import Case, audit as audit_enrolment

    case, named = None if commitment is None else Case.open(commitment), victim.named()
    if case is not None and named is None:
        refuse_code_of(case.how, victim, run.silent())
        named, run = named_again(case.how, victim, run)
    with run.shown() as shown:
        rows = audit_enrolment(enrolment, named, run.dataset, case=case, models=models, answers=answers, run=shown)
    if json_:
        say(json.dumps([attrs.asdict(row) for row in rows], indent=2))
    else:
        width = max(len(row.part) for row in rows)
        for row in rows:
            say(f"{row.part:<{width}}  {row.likeness:<16}  {row.text}".rstrip())
    return _DIFFERS_EXIT if any(row.likeness == "differs" for row in rows) else 0
