"""`play`: everything in the table, one attempt after another, on copies of an enrolment."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from fpframe.enrolment import Enrolment
from fpframe.errors import FpframeError
from fpframe.evidence import ships
from fpframe.redteam.attempt import Attempt, Result, Said
from fpframe.redteam.stage import Stage, refusal
from fpframe.redteam.table import ATTEMPTS


def play(enrolment: Enrolment | str | Path) -> Iterator[Result]:
    """Yield what the protocol says to each attempt; the enrolment itself stays as it is.

    Raises:
        UsageError: the enrolment was made without a commitment.
        IntegrityError: the enrolment was changed.
    """
    opened = enrolment if isinstance(enrolment, Enrolment) else Enrolment.open(enrolment)
    with tempfile.TemporaryDirectory(prefix="fpframe-redteam-") as temporary:
        stage = Stage.set(opened, Path(temporary))
        for attempt in ATTEMPTS:
            yield Result(attempt=attempt, said=_said(attempt, stage))


def _said(attempt: Attempt, stage: Stage) -> Said:
    if attempt.needs == "authority" and stage.authority is None:
        return Said(answer="not played", text="'openssl', which would stamp, is not installed")
    if attempt.needs == "shipped" and not ships(stage.enrolment.encoder.name):
        return Said(
            answer="not played", text=f"the encoder '{stage.enrolment.encoder.name}' does not ship with fpframe"
        )
    try:
        return attempt.act(stage)
    except FpframeError as error:  # refused before there was anything to check
        return refusal(error)
