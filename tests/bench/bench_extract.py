"""Asking a suspect a whole query set, against nothing but its forward passes on the same images in the same batches.

A batch never holds images of two views, so that answers are the same to the last bit however many views are asked.
"""

from __future__ import annotations

import torch
from material import Material
from measuring import Row, take_turns
from torch import Tensor

from fpframe.models.ask_model import ask
from fpframe.models.queryset import QueryPart, QuerySet, to_pixels

#: fpframe may take 10 % longer.
LIMIT = 1.1
#: Views and queries of each: the paper's for FashionMNIST, clean and perturbed, and for digits.
SHAPES = ((10, 200), (5, 40))
BATCH = 256
#: Turns at least.
MANY = 101


def rows(material: Material, *, repeats: int) -> list[Row]:
    """Compare time, and make sure that the answers are the same."""
    return [compare(material, views, queries, repeats) for views, queries in SHAPES]


def compare(material: Material, views: int, queries: int, repeats: int) -> Row:
    """Return the row for a query set of one size; the images repeat where the data has too few."""
    indices = torch.arange(views * queries) % len(material.images)
    images = material.images[indices].reshape(views, queries, *material.images.shape[1:])
    query_set = QuerySet(images=images, parts=(QueryPart(start=0, points=queries, pair=False),))
    pixels = to_pixels(images.flatten(0, 1))
    query = material.model.as_query(batch_size=BATCH)
    times = take_turns(
        {
            "fpframe": lambda: ask(query, query_set),
            "forward passes": lambda: forward(material.model, pixels, min(BATCH, queries)),
        },
        # of milliseconds a few turns are no median: with 15 the ratio went from 1.08 to 1.31 between runs
        repeats=max(repeats, MANY),
    )
    answers = times.results["forward passes"].softmax(1).reshape(views, queries, -1)
    apart = float((times.results["fpframe"] - answers).abs().max())
    return Row(
        what=f"`ask`, {views} views of {queries} queries",
        than="forward passes",
        ours=times.seconds["fpframe"],
        theirs=times.seconds["forward passes"],
        limit=LIMIT,
        good=apart < 1e-5,
        quality=f"probabilities at most {apart:.0e} apart",
    )


@torch.no_grad()
def forward(model: torch.nn.Module, pixels: Tensor, batch: int) -> Tensor:
    """Return logits ``(N, K)``."""
    return torch.cat([model(images) for images in pixels.split(batch)])
