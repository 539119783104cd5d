"""Answers to fewer points than were asked, so that a curve over sizes asks nothing anew."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from torch import Tensor

from fpframe.enrolment import ZooAnswers


def first_points(asked: ZooAnswers, count: int) -> ZooAnswers:
    """Return what would have been answered to the first points of every view alone, in a scheme of one part."""
    (part,) = asked.questions.queries.parts
    columns = [*range(count), *(range(part.points, part.points + count) if part.pair else ())]
    queries = asked.questions.queries
    fewer = attrs.evolve(
        queries,
        images=queries.images[:, columns],
        parts=(attrs.evolve(part, points=count),),
    )
    return attrs.evolve(
        asked,
        questions=attrs.evolve(asked.questions, queries=fewer),
        victim=_columns(asked.victim, columns),
        models=[(model, _columns(answers, columns)) for model, answers in asked.models],
    )


def _columns(answers: Tensor, columns: Sequence[int]) -> Tensor:
    return answers[:, columns].contiguous()
