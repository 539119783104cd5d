"""Bring answers to one sharpness: a model that is surer of everything, or of nothing, says the same with it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fpframe.models import TOP1, through_channel

#: Halvings of the interval in which the temperature is looked for, from 2 to the -12 to 2 to the 12.
STEPS, OCTAVES = 28, 12.0
#: Halvings for a rough look.
_FEW_STEPS = 20


def scored_answers(answers: Tensor, victim_answers: Tensor, channel: str, *, rough: bool = False) -> Tensor:
    """Return answers ``(V, Q, K)`` as they are scored: cut down to a channel, and as sharp as the victim's.

    A suspect can answer with ``softmax(logits / 4)`` at no cost, and honest services do so too. So in each view the
    answers are brought to the temperature at which the mean of their highest probabilities is that of the victim's
    answers. This asks nothing but a model's own answers and the victim's, so it treats suspects and calibration models
    alike. Labels have no sharpness.

    Args:
        answers: the model's probabilities ``(V, Q, K)``; its first views only, or all.
        victim_answers: the victim's ``(V, Q, K)``, at least as many views.
        channel: what the model reveals.
        rough: take a quarter of the time, and be right to about four decimals only.
    """
    cut = through_channel(answers, channel)
    if channel == TOP1:
        return cut
    wanted = through_channel(victim_answers[: len(answers)], channel)
    steps, kind = (_FEW_STEPS, np.float32) if rough else (STEPS, np.float64)
    return torch.from_numpy(_as_sharp(cut.numpy(), wanted.numpy(), steps=steps, kind=kind)).to(answers.dtype)


def _as_sharp(answers: np.ndarray, wanted: np.ndarray, *, steps: int, kind: type[np.floating]) -> np.ndarray:
    """Return answers ``(V, Q, K)`` that are as sharp, view by view, as others; a view that is not finite stays so.

    In numpy, which adds up a row the same way whatever rows are beside it: a view must come out the same whether or not
    others were asked.
    """
    logs, target = _logs(answers, kind), _sharpness(_logs(wanted, kind), np.zeros((len(wanted), 1, 1), kind))
    low, high = np.full((len(answers), 1, 1), -OCTAVES, kind), np.full((len(answers), 1, 1), OCTAVES, kind)
    for _ in range(steps):
        middle = (low + high) / 2
        blunt = _sharpness(logs, middle) < target
        low, high = np.where(blunt, middle, low), np.where(blunt, high, middle)
    powers = np.exp(logs * 2 ** ((low + high) / 2))
    scaled = np.where(answers.max(-1, keepdims=True) > 0, powers / powers.sum(-1, keepdims=True), answers)
    return np.where(np.isfinite(answers).all((1, 2), keepdims=True), scaled, answers)


def _logs(answers: np.ndarray, kind: type[np.floating]) -> np.ndarray:
    """Return the logarithms of answers ``(V, Q, K)``, less the highest of each row; of a row without any, zeros."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.maximum(np.nan_to_num(answers.astype(kind)), 0))
        highest = logs.max(-1, keepdims=True)
        return np.where(np.isfinite(highest), logs - highest, 0.0)


def _sharpness(logs: np.ndarray, octaves: np.ndarray) -> np.ndarray:
    """Return the mean ``(V, 1, 1)`` of the highest probabilities, when answers are raised to a power.

    Args:
        logs: what `_logs` returns.
        octaves: the logarithm of the power to base 2, ``(V, 1, 1)``.
    """
    highest: np.ndarray = 1 / np.exp(logs * 2**octaves).sum(-1)
    mean: np.ndarray = highest.mean(-1).reshape(-1, 1, 1)
    return mean
