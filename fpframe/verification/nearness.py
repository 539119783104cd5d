"""Calibration models that answer almost as the suspect does: whoever brought them may have copied it."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from fpframe.base import Note
from fpframe.enrolment import PLAIN, Enrolment, near, usual_distance
from fpframe.verification.transcript import Transcript


def near_suspect(enrolment: Enrolment, transcript: Transcript) -> Iterator[Note]:
    """Yield what the reader of a verdict should know of calibration models that are like the suspect.

    A suspect that was not asked everything, or that tells other classes, is compared with nobody.
    """
    views, able = enrolment.victim_answers.shape, len(enrolment.able)
    rows = transcript.answers[able : able + views[0] * views[1]]
    if rows.shape != (views[0] * views[1], views[2]):
        return
    given = torch.from_numpy(rows).reshape(views)
    answers = enrolment.calibration.answers[PLAIN]
    found = near(answers, given, usual=usual_distance(answers, enrolment.victim_answers))
    if found:
        yield Note(
            "calibration-near-suspect",
            f"{len(found)} of the calibration models answer almost as the suspect does. They may be copies of it, and "
            "then it cannot be called derived.",
        )
