"""`Measured`: how similar to the victim models are that share training images with it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import attrs
import numpy as np
import torch

from fpframe.decision import decide, mean_of_views
from fpframe.enrolment import score_views
from fpframe.evaluation import Rate, rate
from fpframe.models import PROBS
from fpframe.paper.laboratory import Laboratory
from fpframe.paper.overlap.slope import Slope
from fpframe.paper.viewscores import score_asked
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
        accused: how many of them the verdict's rule called derived.
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
    asked = laboratory.ask(scheme)
    encoder = laboratory.fit(scheme, asked)
    usual = score_asked(laboratory, scheme, encoder, asked)
    answers = torch.stack([answer for _, answer in laboratory.ask(scheme, "test", zoo=zoo).models])
    views = score_views(encoder, answers, asked.victim, PROBS)
    strata = {name: paths.scores() for name, paths in usual.strata.items()}
    judge = partial(decide, strata=strata, alpha=laboratory.recipe.alpha)

    def called(kind: str, models: Sequence[ZooModel], rows: np.ndarray) -> Rate:
        verdicts = [judge(row.tolist()).verdict for row in rows]
        return rate(kind, [(each, model.family) for each, model in zip(verdicts, models, strict=True)])

    scores = np.array([mean_of_views(row) for row in views])
    derived, independent = usual.means(usual.views)
    return Measured(
        scores=scores,
        slope=Slope.of([share_of(model) for model in zoo.models], scores),
        accused=called("overlapping", zoo.models, views),
        found=called("derived", usual.thefts, usual.above),
        derived=derived,
        independent=independent,
    )


def share_of(model: ZooModel) -> float:
    """Return the share of the victim's training images that a model of a stratum ``overlap(r)`` has seen."""
    share = overlap_of(model.stratum)
    assert share is not None
    return share
