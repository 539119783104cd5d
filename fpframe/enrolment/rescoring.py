"""Recorded scores have to follow from the recorded answers: all are looked at roughly, and what differs exactly."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from fpframe.enrolment.contents import Contents
from fpframe.enrolment.scoring import Scorer
from fpframe.rng import threads

#: By how much a score may differ: machines add up in another order.
TOLERANCE = 1e-4
#: Probabilities that are scored at most in all channels and through all filters, about a second of work; of larger
#: enrolments some views are scored, of every model.
MOST = 16_000_000
#: Probabilities that are held in memory at once.
_AT_ONCE = 2_000_000


def refuse_other_scores(contents: Contents, *, most: int = MOST) -> None:
    """Refuse recorded scores that are not those of the recorded answers.

    Verdicts compare with scores of the answers and never with recorded ones. But whoever reads these has to be able to
    rely on them.

    Raises:
        ValueError: names the model.
    """
    calibration = contents.calibration
    share = most // (len(contents.encoders) * len(calibration.answers))
    with threads(1):
        for channel in contents.encoders:
            scorer = Scorer(contents.encoders, contents.standards, contents.victim_answers, channel)
            for name, answers in calibration.answers.items():
                recorded = calibration.views[channel][name]
                for row in _suspicious(scorer, answers, recorded, most=share):
                    low, high = (bound.numpy() for bound in scorer.bounds(answers[row], TOLERANCE))
                    if not bool(((low <= recorded[row]) & (recorded[row] <= high)).all()):
                        through = f" through '{name}'" if name else ""
                        raise ValueError(
                            f"the scores of '{calibration.models[row].name}' in '{channel}'{through} do not follow "
                            "from its answers"
                        )


def _suspicious(scorer: Scorer, answers: Tensor, recorded: np.ndarray, *, most: int) -> list[int]:
    """Return the models whose scores seem to differ, at a first and rough look."""
    models, views, queries, classes = answers.shape
    looked_at = max(1, min(views, most // max(1, models * queries * classes)))
    group = max(1, _AT_ONCE // (queries * classes))
    found = np.zeros(models, dtype=bool)
    for view in np.linspace(0, views - 1, looked_at).round().astype(int):
        for start in range(0, models, group):
            rows = slice(start, start + group)
            rough = scorer.roughly(answers[rows, view], int(view)).numpy()
            # written so that what is not a number is suspicious too
            found[rows] |= ~(np.abs(rough - recorded[rows, view]) <= TOLERANCE)
    return [int(row) for row in found.nonzero()[0]]
