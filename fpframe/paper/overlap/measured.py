"""`Measured`: how similar to the victim models are that share training images with it."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from fpframe.decision import mean_of_views
from fpframe.evaluation import HeldOut, Rate, evaluate_zoo, rate
from fpframe.models import PROBS
from fpframe.paper.laboratory import Laboratory
from fpframe.paper.overlap.slope import Slope
from fpframe.registry import overlap_of
from fpframe.zoo import Zoo, ZooModel

#: Shares of the victim's training images.
FRACTIONS = tuple(step / 10 for step in range(10))
#: From the first fraction to the last.
RANGE = FRACTIONS[-1] - FRACTIONS[0]


@attrs.frozen(kw_only=True, eq=False)
class Measured:
    """What a scheme says of models that share images with the victim.

    Attributes:
        scores: similarity to the victim ``(M,)``.
        slope: of similarity over the share of images.
        accused: how many of them were called derived, as suspects.
        found: how many of the held-out derived models it called derived.
        derived: similarity of these ``(P,)``.
        independent: similarity of the recipe's held-out independent models ``(N,)``.
    """

    scores: np.ndarray
    slope: Slope
    accused: Rate
    found: Rate
    derived: np.ndarray
    independent: np.ndarray


def measure(laboratory: Laboratory, scheme: str, zoo: Zoo) -> Measured:
    """Score models by an encoder that has seen none of them, and judge them as suspects are judged."""
    enrolment = laboratory.enroll(scheme)
    usual = Zoo(tuple(laboratory.zoo.of("test")), laboratory.zoo.workspace)
    overlapping, held_out = (
        evaluate_zoo(enrolment, each, (PROBS,), on_event=laboratory.run.on_event)[0].suspects for each in (zoo, usual)
    )
    thefts = [item for item in held_out if item.model.relation == "derived" and not item.facts.failed]
    scores = _scores(overlapping)
    return Measured(
        scores=scores,
        slope=Slope.of([share_of(model) for model in zoo.models], scores),
        accused=_called("overlapping", overlapping),
        found=_called("derived", thefts),
        derived=_scores(thefts),
        independent=_scores([item for item in held_out if item.model.relation == "independent"]),
    )


def _scores(models: Sequence[HeldOut]) -> np.ndarray:
    """Return similarities ``(M,)``, also of models that get no verdict."""
    return np.array([mean_of_views(item.view_scores) for item in models])


def _called(kind: str, models: Sequence[HeldOut]) -> Rate:
    return rate(kind, [(item.verdict.verdict, item.model.family) for item in models])


def share_of(model: ZooModel) -> float:
    """Return the share of the victim's training images that a model of a stratum ``overlap(r)`` has seen."""
    share = overlap_of(model.stratum)
    assert share is not None
    return share
