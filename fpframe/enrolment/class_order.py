"""Look for the order in which a victim numbers the classes, where that is not the order of the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from fpframe.enrolment.clearly import rights_far_more


def found_order(given: Tensor, truth: Tensor, classes: int) -> list[int] | None:
    """Return by label what class a victim means by it, where another order fits far better; ``None`` where none does.

    The order is sought on one half of the images and held against the other one, cycle by cycle: a good one makes a
    cycle right for clearly more than twice as many images as it makes wrong. An honest model that overuses a label
    gives to one class what it takes from another, and stays below that.

    Args:
        given: the victim's labels ``(N,)``.
        truth: the true ones.
        classes: their number K.
    """
    # both halves have every class, in whatever order the images lie
    order = torch.argsort(truth, stable=True)
    sought, held = order[::2], order[1::2]
    means = _best_order(given[sought], truth[sought], classes)
    cycles = list(_cycles(means))
    kept = [cycle for cycle in cycles if _rights(cycle, means, given[held], truth[held], looks=len(cycles))]
    if not kept:
        return None
    moved = {label for cycle in kept for label in cycle}
    return [means[label] if label in moved else label for label in range(classes)]


def _best_order(given: Tensor, truth: Tensor, classes: int) -> list[int]:
    """Return by label the class that it should mean, so that most images are right; of equal orders the given one."""
    confusion = np.zeros((classes, classes))
    np.add.at(confusion, (given.numpy(), truth.numpy()), 1)
    # what ties, such as labels that the victim never gives, stays where it is
    _, means = linear_sum_assignment(confusion + 0.5 * np.eye(classes), maximize=True)
    return [int(meant) for meant in means]


def _cycles(means: Sequence[int]) -> Iterator[list[int]]:
    """Yield the cycles of labels that change places with each other."""
    seen: set[int] = set()
    for first in range(len(means)):
        cycle, label = [], first
        while label not in seen:
            seen.add(label)
            cycle.append(label)
            label = means[label]
        if len(cycle) > 1:
            yield cycle


def _rights(cycle: Sequence[int], means: Sequence[int], given: Tensor, truth: Tensor, *, looks: int) -> bool:
    inside = torch.isin(given, torch.tensor(cycle))
    meant = torch.tensor(means)[given]
    right = int((inside & (meant == truth)).sum())
    wrong = int((inside & (given == truth)).sum())
    return rights_far_more(right, wrong, looks=looks)
