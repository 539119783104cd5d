"""Calibration models that answer as others do are one model, whatever families they are told to be of.

Whoever copies a calibration model under a new name would have it counted twice. So would an honest owner of a method
that makes the same model whatever its seed is. Nobody is refused for it: the copies count once, so p can only grow.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fpframe.rng import threads

#: Two models are one if they differ by at most this share of what a model usually differs from the victim by. Honest
#: models of different families differ by seven times as much at least, where it was measured.
SHARE_APART = 0.05
#: They are one too if they differ by so little: the distance is in total variation, the mean over all queries.
LEAST_APART = 1e-3
#: Numbers of each model that are compared with those of all others at first.
_LOOKED_AT = 10_000


def families_by_answers(families: Sequence[str], answers: Tensor, victim_answers: Tensor) -> tuple[str, ...]:
    """Return the family of each model, where families with models that answer alike are one.

    Args:
        families: what the families are said to be.
        answers: probabilities ``(M, V, Q, K)``.
        victim_answers: the victim's ``(V, Q, K)``.
    """
    joined = {family: family for family in families}

    def root(family: str) -> str:
        while joined[family] != family:
            family = joined[family]
        return family

    if len(joined) > 1:
        for one, other in _alike(families, answers.flatten(1, 2), victim_answers.flatten(0, 1)):
            first, second = sorted((root(families[one]), root(families[other])))
            joined[second] = first
    return tuple(root(family) for family in families)


def _alike(families: Sequence[str], answers: Tensor, victim_answers: Tensor) -> list[tuple[int, int]]:
    """Return the pairs of models of different families whose answers ``(M, N, K)`` are the same but for noise."""
    queries, classes = victim_answers.shape
    looked_at = torch.linspace(0, queries - 1, max(1, min(queries, _LOOKED_AT // classes))).round().long()
    with threads(1):
        few, theirs = answers[:, looked_at].flatten(1).float(), victim_answers[looked_at].flatten().float()
        apart = torch.cdist(few, few, p=1) / (2 * len(looked_at))
        usual = float((few - theirs).abs().sum(1).median()) / (2 * len(looked_at))
    numbers = {family: number for number, family in enumerate(dict.fromkeys(families))}
    of = torch.tensor([numbers[family] for family in families])
    strange = torch.triu(of[:, None] != of[None], diagonal=1)
    most = max(LEAST_APART, SHARE_APART * usual)
    # some of the queries show who may be alike, and all of them who is
    near = (strange & (apart <= 2 * most)).nonzero().tolist()
    return [(one, other) for one, other in near if _distance(answers[one], answers[other]) <= most]


def _distance(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().sum(-1).mean()) / 2
