"""Models that answer almost as another one does, such as copies of the victim or of the suspect."""

from __future__ import annotations

from torch import Tensor

from fpframe.base import Note
from fpframe.enrolment.repeats import LEAST_APART, SHARE_APART
from fpframe.rng import threads

#: The code of the note on models that are like the victim, which holds for one calibration only.
NEAR_VICTIM = "calibration-near-victim"


def usual_distance(answers: Tensor, victim_answers: Tensor) -> float:
    """Return how far models usually are from the victim: the median, in total variation over all queries.

    Args:
        answers: probabilities ``(M, V, Q, K)``.
        victim_answers: the victim's ``(V, Q, K)``.
    """
    return float(_distances(answers, victim_answers).median())


def near(answers: Tensor, other: Tensor, *, usual: float) -> list[int]:
    """Return which models answer as another one does, but for a twentieth of what models usually differ by.

    Args:
        answers: probabilities ``(M, V, Q, K)``.
        other: those of the other one ``(V, Q, K)``.
        usual: how far models usually are apart; see `usual_distance`.
    """
    close = _distances(answers, other) <= max(LEAST_APART, SHARE_APART * usual)
    return [row for row, is_close in enumerate(close.tolist()) if is_close]


def near_victim(names: list[str], answers: Tensor, victim_answers: Tensor, *, usual: float) -> tuple[Note, ...]:
    """Return what the reader of a verdict should know of models that answer almost as the victim does.

    Args:
        names: what the models are called.
        answers: theirs ``(M, V, Q, K)``.
        victim_answers: the victim's ``(V, Q, K)``.
        usual: how far the models that calibrated before usually are from the victim.
    """
    found = near(answers, victim_answers, usual=usual)
    if not found:
        return ()
    listed = ", ".join(names[row] for row in found[:5]) + (" and others" if len(found) > 5 else "")
    return (
        Note(
            "calibration-near-victim",
            f"{len(found)} of the models that calibrate answer almost as the victim does ({listed}). They may be "
            "copies of it, and then nobody can be called derived.",
        ),
    )


def _distances(answers: Tensor, other: Tensor) -> Tensor:
    with threads(1):  # the same bits as in any other run
        return (answers.float() - other.float()).abs().sum(-1).flatten(1).mean(1) / 2
