"""Channels: what a suspect reveals of its answer, from full probabilities down to the top-1 label.

Everything is scored in the suspect's own channel: the victim's answers, the models that fit the encoder and
the models that calibrate the verdict all go through it too.
"""

from __future__ import annotations

import re

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
