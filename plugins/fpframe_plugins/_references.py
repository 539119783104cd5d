"""Some of the reference models, held in memory while gradients run through them.

Not a plugin: `conferrable`, `meta-trained` and others that follow gradients of several models use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import torch

import fpframe
from fpframe import Classifier
from fpframe.rng import generator


def held(
    models: Sequence[Classifier], count: int, *, relation: str, name: str, stack: ExitStack, seed: int
) -> tuple[Classifier, ...]:
    """Load models from all over a sequence, each once, and ready them for as long as the stack lasts.

    Args:
        models: those of one kind in the fit split.
        count: how many are taken; all, where there are fewer.
        relation: what they are to the victim, for the message and for the draw.
        name: of the component that asks.
        stack: ends when they are no longer needed; until then they evaluate, with frozen weights.
        seed: says where among the models the choice begins.

    Raises:
        DataError: there are none.
    """
    if not len(models):
        raise fpframe.DataError(
            f"'{name}' learns from {relation} models, and there is no {relation} model in the fit split; give the "
            "zoo of the recipe some, or take a component that needs no references"
        )
    # zoos are sorted by attack and stratum: even distances take some of each, and chance says where they begin
    distance = max(len(models) / count, 1.0)
    start = float(torch.rand((), generator=generator(seed, relation))) * distance if distance > 1 else 0.0
    indices = [int(start + number * distance) for number in range(min(count, len(models)))]
    chosen = tuple(models[min(index, len(models) - 1)] for index in indices)
    for model in chosen:
        stack.enter_context(fpframe.evaluating(model))
    return chosen
