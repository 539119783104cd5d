"""Channels: what a suspect reveals of its answer, from full probabilities down to the top-1 label.

Everything is scored in the suspect's own channel: the victim's answers, the models that fit the encoder and
the models that calibrate the verdict all go through it too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from fpframe.errors import UsageError
from fpframe.models.answers import BYTES, are_shares, top_count

PROBS = "probs"
TOP1 = "top1"
#: The channels, for messages.
KNOWN_CHANNELS = "probs, rounded:K with K from 0 to 9, steps:N, topk:K, topk:K+rounded:K, topk:K+steps:N, top1"
_ROUNDING = "rounded:[0-9]|steps:[1-9][0-9]{0,5}"
_CHANNEL = rf"probs|top1|{_ROUNDING}|topk:[1-9][0-9]{{0,5}}(\+({_ROUNDING}))?"


def through_channel(probabilities: Tensor, channel: str) -> Tensor:
    """Reduce probabilities ``(..., K)`` to what `channel` reveals, in the same shape.

    ``probs`` changes nothing, ``rounded:k`` rounds to k decimals, ``steps:n`` to whole n-ths, ``topk:k`` leaves the k
    highest and makes the others zero, ``top1`` leaves a one-hot row. ``topk:k+rounded:d`` does both. Rows that are not
    finite stay so, for a verdict must see them.

    Raises:
        UsageError: `channel` is unknown.
    """
    if not is_channel(channel):
        raise UsageError(f"unknown channel '{channel}'; known: {KNOWN_CHANNELS}")
    if channel == PROBS:
        return probabilities
    if channel == TOP1:
        labels = F.one_hot(probabilities.nan_to_num(0).argmax(-1), probabilities.shape[-1])
        finite = probabilities.isfinite().all(-1, keepdim=True)
        return torch.where(finite, labels.to(probabilities.dtype), probabilities)
    for part in channel.split("+"):
        name, _, digits = part.partition(":")
        probabilities = _CUTS[name](probabilities, int(digits))
    return probabilities


def is_channel(name: str) -> bool:
    """Tell whether `through_channel` knows a name."""
    return re.fullmatch(_CHANNEL, name) is not None


def observe_channel(rows: Tensor) -> str:
    """Return the channel of answers ``(N, K)``: the most that they can reveal, as far as they show it.

    Probabilities that are all zero or one are labels. Rounded ones are told from others to five decimals, or as bytes.
    Those of the highest k classes alone have exactly k that are not zero. Rows that are not finite tell nothing.
    """
    known = rows[rows.isfinite().all(-1)].double()
    if len(known) == 0:
        return PROBS
    if bool(((known == 0) | (known == 1)).all()):
        return TOP1
    rounding, count = _observed_rounding(known), top_count(known)
    if not count or (rounding and are_shares(known)):  # rounding makes zeros too, and these lack nothing
        return rounding or PROBS
    return f"topk:{count}+{rounding}" if rounding else f"topk:{count}"


def nearest_channel(channel: str, known: Iterable[str]) -> str:
    """Return the channel of `known` that reveals about as much as `channel`; of two that are as near the one with less.

    Raises:
        ValueError: `known` is empty.
    """
    wanted = information(channel)
    return min(known, key=lambda name: (abs(information(name) - wanted), information(name)))


def information(channel: str) -> float:
    """Return a number that is larger for channels that reveal more: about the decimals that are worth as much."""
    if channel in (PROBS, TOP1):
        return 10 if channel == PROBS else 0
    return min(_worth(*part.split(":")) for part in channel.split("+"))


def _observed_rounding(known: Tensor) -> str:
    for decimals in range(1, 6):
        # relative, or the tiny probabilities of a confident model would pass for rounded ones
        if bool(((known - known.round(decimals=decimals)).abs() <= 2e-7 * known.abs()).all()):
            return f"rounded:{decimals}"
    for steps in BYTES:
        if bool(((known * steps - (known * steps).round()).abs() <= 2e-7 * steps * known.abs()).all()):
            return f"steps:{steps}"
    return ""


def _worth(name: str, digits: str) -> float:
    number = int(digits)
    if name == "rounded":
        return number
    # the highest alone says hardly more than its label, and several leave out what rounding to two decimals does
    return math.log10(number) if name == "steps" else 3 - 2.6 / number


def _rounded(probabilities: Tensor, decimals: int) -> Tensor:
    return probabilities.round(decimals=decimals)


def _in_steps(probabilities: Tensor, steps: int) -> Tensor:
    return ((probabilities.double() * steps).round() / steps).to(probabilities.dtype)


def _highest(probabilities: Tensor, count: int) -> Tensor:
    """Leave the highest entries of each row; of those that tie, the first ones."""
    if count >= probabilities.shape[-1]:
        return probabilities
    order = probabilities.nan_to_num(0).argsort(dim=-1, descending=True, stable=True)
    kept = torch.zeros_like(probabilities, dtype=torch.bool).scatter(-1, order[..., :count], True)
    finite = probabilities.isfinite().all(-1, keepdim=True)
    return torch.where(kept | ~finite, probabilities, 0)


_CUTS = {"rounded": _rounded, "steps": _in_steps, "topk": _highest}
