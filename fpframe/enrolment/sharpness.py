"""Bring answers to one sharpness: a model that is surer of everything, or of nothing, says the same with it."""

from __future__ import annotations

import torch
from torch import Tensor

from fpframe.models import TOP1, through_channel

#: Halvings of the interval in which the temperature is looked for, from 2 to the -12 to 2 to the 12.
STEPS, OCTAVES = 28, 12.0


def scored_answers(answers: Tensor, victim_answers: Tensor, channel: str) -> Tensor:
    """Return answers ``(V, Q, K)`` as they are scored: cut down to a channel, and as sharp as the victim's.

    A suspect can answer with ``softmax(logits / 4)`` at no cost, and honest services do so too. So in each view the
    answers are brought to the temperature at which the mean of their highest probabilities is that of the victim's
    answers. This asks nothing but a model's own answers and the victim's, so it treats suspects and calibration models
    alike. Labels have no sharpness.

    Args:
        answers: the model's probabilities ``(V, Q, K)``; its first views only, or all.
        victim_answers: the victim's ``(V, Q, K)``, at least as many views.
        channel: what the model reveals.
    """
    cut = through_channel(answers, channel)
    if channel == TOP1:
        return cut
    wanted = through_channel(victim_answers[: len(answers)], channel)
    # view by view: a view must come out the same whether or not others were asked
    return torch.stack([_as_sharp(view, _sharpness(ours.double())) for view, ours in zip(cut, wanted, strict=True)])


def _as_sharp(view: Tensor, wanted: Tensor) -> Tensor:
    """Return answers ``(Q, K)`` at the temperature at which their sharpness is the one that is wanted."""
    if not bool(view.isfinite().all()):
        return view  # a verdict must see it
    logs = view.double().clamp_min(0).log()
    low, high = -OCTAVES, OCTAVES
    for _ in range(STEPS):
        middle = (low + high) / 2
        # the sharper, the larger the power: probabilities are raised to it and divided by their sum
        low, high = (middle, high) if _sharpness(_powered(logs, middle)) < wanted else (low, middle)
    return _powered(logs, (low + high) / 2).to(view.dtype)


def _powered(logs: Tensor, octaves: float) -> Tensor:
    return (logs * 2**octaves).softmax(-1)


def _sharpness(view: Tensor) -> Tensor:
    """Return the mean of the highest probabilities of answers ``(Q, K)``."""
    return view.amax(-1).mean()
