"""`ask`: send every query of a set to a model. Nothing else ever touches a suspect."""

from __future__ import annotations

import torch
from torch import Tensor

from fpframe.base import Event, Listener, ignore
from fpframe.models.query import Query
from fpframe.models.queryset import QuerySet, to_pixels


def ask(query: Query, queries: QuerySet, *, on_event: Listener = ignore) -> Tensor:
    """Return the answers ``(V, Q, K)`` of a model to a query set, as probabilities.

    Raises:
        ResourceError: the set does not fit into what is left of the query budget; nothing is asked then.
    """
    query.require(queries.queries)
    answers = []
    for view, images in enumerate(queries.images, start=1):
        answers.append(query(to_pixels(images)))
        on_event(Event(task="asking", done=view, total=queries.views))
    return torch.stack(answers)
