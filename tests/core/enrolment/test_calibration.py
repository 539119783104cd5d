"""How answers are scored."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from fpframe.enrolment.scoring import cosine_scores

QUERIES, CLASSES, MATCHES = 37, 7, 20


class OneHot(nn.Module):
    """Embeds the labels alone, so that the cosine is the share of queries with the victim's label."""

    def forward(self, answers):
        return answers.flatten(1) / math.sqrt(QUERIES)


def matching(victim, source):
    """Return one-hot answers ``(1, Q, K)`` with the victim's label at `MATCHES` places drawn by chance."""
    places = torch.randperm(QUERIES, generator=source)[:MATCHES]
    labels = (victim.argmax(-1) + 1) % CLASSES
    labels[:, places] = victim.argmax(-1)[:, places]
    return F.one_hot(labels, CLASSES).float()


def test_models_that_match_the_victim_equally_often_tie_exactly_wherever_they_do():
    source = torch.Generator().manual_seed(0)
    victim = F.one_hot(torch.randint(CLASSES, (1, QUERIES), generator=source), CLASSES).float()
    others = [matching(victim, source) for _ in range(200)]
    raw = {float(F.cosine_similarity(OneHot()(victim), OneHot()(other))) for other in others}
    assert len(raw) > 1  # float32 alone would tell them apart
    assert {float(cosine_scores(OneHot(), other, victim, "probs")) for other in others} == {round(MATCHES / QUERIES, 6)}
