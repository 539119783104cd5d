"""The adaptive policy of Knockoff Nets: which kinds of image are worth a query.

Not a plugin: `knockoff` uses it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


class GradientBandit:
    """Draw images kind by kind, and prefer kinds that were rewarded (Orekondy et al., CVPR 2019, section 4.1.2).

    Args:
        kinds: ``(P,)``, the kind of each image, from 0 to the number of kinds less one.
        source: of all random choices.
    """

    def __init__(self, kinds: Tensor, source: torch.Generator) -> None:
        count = int(kinds.max()) + 1
        self._source = source
        self._waiting = [(kinds == kind).nonzero()[:, 0] for kind in range(count)]
        self._waiting = [images[torch.randperm(len(images), generator=source)] for images in self._waiting]
        self._taken = [0] * count
        self._preferences = torch.zeros(count, dtype=torch.float64)
        self._rewarded = [0] * count

    def draw(self, count: int) -> tuple[Tensor, list[int]]:
        """Return the indices ``(count,)`` of images that were not drawn before, and the kind of each."""
        images, kinds = [], []
        for _ in range(count):
            spent = torch.tensor([taken == len(all_) for taken, all_ in zip(self._taken, self._waiting, strict=True)])
            policy = self._preferences.masked_fill(spent, -torch.inf).softmax(0)
            kind = int(torch.multinomial(policy, 1, generator=self._source))
            images.append(self._waiting[kind][self._taken[kind]])
            kinds.append(kind)
            self._taken[kind] += 1
        return torch.stack(images), kinds

    def learn(self, kinds: list[int], rewards: Tensor) -> None:
        """Prefer kinds whose images had more than the mean reward ``(N,)`` of the round.

        The step is one over how often the kind was rewarded, as in the paper. Its baseline is the mean of the last
        rewards; here that is the round's, since a student that gets better rewards all kinds less.
        """
        gains = (rewards - rewards.mean()).tolist()
        for kind, gain in zip(kinds, gains, strict=True):
            self._rewarded[kind] += 1
            direction = -self._preferences.softmax(0)
            direction[kind] += 1
            self._preferences += gain / self._rewarded[kind] * direction


def rewards(answers: Tensor, student_logits: Tensor, usual: Tensor) -> Tensor:
    """Return how much was learned from each answer, from 0 to 3: the sum of three rewards, as in the paper.

    Certainty is the margin between the victim's two best classes, diversity how far the answer goes beyond the usual
    one, loss how wrong the student was, as ``1 - exp(-cross-entropy)`` so that it lies in [0, 1) like the others.

    Args:
        answers: the victim's probabilities ``(N, K)``, or one-hot labels.
        student_logits: the student's ``(N, K)`` for the same images.
        usual: ``(K,)``, the mean of all answers so far.
    """
    best = answers.topk(2, dim=1).values
    certainty = best[:, 0] - best[:, 1]
    diversity = (answers - usual).clamp_min(0).sum(1)
    loss = 1 - torch.exp(-F.cross_entropy(student_logits, answers, reduction="none"))
    return certainty + diversity + loss
