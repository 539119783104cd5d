"""Channels: what a suspect reveals of its answer, from full probabilities down to the top-1 label.

Everything is scored in the suspect's own channel: the victim's answers, the models that fit the encoder and
the models that calibrate the verdict all go through it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from fpframe.errors import UsageError

PROBS = "probs"
TOP1 = "top1"


def through_channel(probabilities: Tensor, channel: str) -> Tensor:
    """Reduce probabilities ``(..., K)`` to what `channel` reveals, in the same shape.

    ``probs`` changes nothing, ``rounded:k`` rounds to k decimals, ``top1`` leaves a one-hot row. Rows that are
    not finite stay so, for a verdict must see them.

    Raises:
        UsageError: `channel` is unknown.
    """
    if channel == PROBS:
        return probabilities
    if channel == TOP1:
        labels = F.one_hot(probabilities.nan_to_num(0).argmax(-1), probabilities.shape[-1])
        finite = probabilities.isfinite().all(-1, keepdim=True)
        return torch.where(finite, labels.to(probabilities.dtype), probabilities)
    name, _, digits = channel.partition(":")
    if name == "rounded" and re.fullmatch("[0-9]", digits):
        return probabilities.round(decimals=int(digits))
    raise UsageError(f"unknown channel '{channel}'; known: probs, rounded:K, top1")


def is_channel(name: str) -> bool:
    """Tell whether `through_channel` knows a name."""
    return name in (PROBS, TOP1) or re.fullmatch("rounded:[0-9]", name) is not None


def observe_channel(rows: Tensor) -> str:
    """Return the channel of answers ``(N, K)``: the most that they can reveal, as far as they show it.

    Probabilities that are all zero or one are labels. Rounded ones are told from others to five decimals. Rows that
    are not finite tell nothing.
    """
    known = rows[rows.isfinite().all(-1)].double()
    if len(known) == 0:
        return PROBS
    if bool(((known == 0) | (known == 1)).all()):
        return TOP1
    for decimals in range(1, 6):
        # relative, or the tiny probabilities of a confident model would pass for rounded ones
        if bool(((known - known.round(decimals=decimals)).abs() <= 2e-7 * known.abs()).all()):
            return f"rounded:{decimals}"
    return PROBS


def nearest_channel(channel: str, known: Iterable[str]) -> str:
    """Return the channel of `known` that reveals about as much as `channel`; of two that are as near the one with less.

    Raises:
        ValueError: `known` is empty.
    """
    wanted = information(channel)
    return min(known, key=lambda name: (abs(information(name) - wanted), information(name)))


def information(channel: str) -> int:
    """Return a number that is larger for channels that reveal more."""
    if channel in (PROBS, TOP1):
        return 10 if channel == PROBS else 0
    return int(channel.partition(":")[2])
