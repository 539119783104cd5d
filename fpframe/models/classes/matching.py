"""Find by labelled images which of the victim's classes each class of a model is."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

#: Labelled images of each class without which a model's classes are not matched by images, but by names only.
FEWEST = 5


def enough_images(truth: Tensor, classes: int) -> bool:
    """Tell whether labelled images ``(A,)`` are enough to match so many classes: `FEWEST` of each."""
    return int(torch.bincount(truth.long(), minlength=classes).min()) >= FEWEST


def matched_order(labels: Tensor, truth: Tensor, classes: int) -> list[int] | None:
    """Return by label which class it is, so that most images are right; ``None`` where another order does as well.

    It does not matter in which order the labels stand: a model whose labels are renumbered gets the order that undoes
    that. So a tie is not broken, by number or otherwise, but said (Kuhn, 1955, for the assignment itself).

    Args:
        labels: what the model answered, ``(A,)``; -1 for nothing of the kind.
        truth: the true classes ``(A,)``.
        classes: their number K.
    """
    confusion = np.zeros((classes, classes))
    known = (labels >= 0).numpy()
    np.add.at(confusion, (labels.numpy()[known].astype(int), truth.numpy()[known].astype(int)), 1)
    rows, means = linear_sum_assignment(confusion, maximize=True)
    # counts are whole, so that taking off less than one in all leaves the best orders best, and prefers another of them
    avoided = confusion.copy()
    avoided[rows, means] -= 0.5 / classes
    _, others = linear_sum_assignment(avoided, maximize=True)
    if confusion[rows, others].sum() == confusion[rows, means].sum() and list(others) != list(means):
        return None
    return [int(meant) for meant in means]
