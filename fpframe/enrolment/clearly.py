"""What counts of images say clearly: every threshold of fitness is a bound here, and not a gap that looks large."""

from __future__ import annotations

import math

import torch.nn.functional as F
from scipy.stats import norm
from torch import Tensor

from fpframe.decision import clopper_pearson

#: One-sided confidence of each bound: an honest victim meets the opposite of what is said here once in a hundred times
#: at most, and in practice never, since honest victims are far from the limits.
CONFIDENCE = 0.99
_DEVIATIONS = float(norm.ppf(CONFIDENCE))


def bounds(hits: int, n: int) -> tuple[float, float]:
    """Return the lower and the upper bound of a rate, each one-sided and exact (Clopper and Pearson, 1934)."""
    return clopper_pearson(hits, n, confidence=2 * CONFIDENCE - 1)


def guessing(given: Tensor, truth: Tensor, classes: int) -> float:
    """Return the accuracy that labels `given` ``(N,)`` would have on average if they were dealt out at random.

    Where one class holds nine images in ten, that is far more than one in the number of classes.
    """
    ours, theirs = (F.one_hot(labels, classes).double().mean(0) for labels in (given, truth))
    return float((ours * theirs).sum())


def beyond_chance(scores: Tensor, truth: Tensor) -> float:
    """Return by how many standard deviations scores favour the true labels more than labels that are dealt at random.

    The sum of the scores of the true labels is compared with its exact mean and variance over all ways to shuffle the
    labels (Hoeffding, 1951). One-hot scores count matching labels, as Cohen's kappa does; logits also see a model
    that has the right tendency and yet names the largest class each time.

    Args:
        scores: ``(N, K)``, of a model.
        truth: labels ``(N,)``.
    """
    count, classes = scores.shape
    rows = scores.double()
    shares = F.one_hot(truth, classes).double().mean(0)
    # a row more or less for all classes moves nothing, and neither does a column for all images
    rows = rows - (rows * shares).sum(1, keepdim=True)
    rows = rows - rows.mean(0, keepdim=True)
    variance = count / max(count - 1, 1) * float((rows.square() * shares).sum())
    total = float(rows.gather(1, truth.unsqueeze(1)).sum())
    return total / math.sqrt(variance) if variance > 1e-12 * count else 0.0


def clearly_knows(beyond: float) -> bool:
    """Tell whether so many standard deviations beyond chance are more than chance explains."""
    return beyond > _DEVIATIONS


def labels_beyond_chance(given: Tensor, truth: Tensor, classes: int) -> float:
    """Return `beyond_chance` of labels ``(N,)``."""
    return beyond_chance(F.one_hot(given, classes), truth)


def above_chance(accuracy: float, chance: float) -> float:
    """Return what of the way from guessing to perfection an accuracy is: Cohen's kappa."""
    return (accuracy - chance) / max(1 - chance, 1e-9)


def rights_far_more(right: int, wrong: int, *, looks: int = 1) -> bool:
    """Tell whether a change rights clearly more than two images for each one that it makes wrong.

    Args:
        right: images that only the changed answers get right.
        wrong: images that only the answers as they are get right.
        looks: how many changes are tried; the chance of a mistake is shared between them.
    """
    if right == 0:
        return False
    low, _ = clopper_pearson(right, right + wrong, confidence=1 - 2 * (1 - CONFIDENCE) / max(looks, 1))
    return low > 2 / 3


def errs_far_less(errors: int, n: int, elsewhere: int, of: int) -> bool:
    """Tell whether a model errs clearly less than half as often on some images as on others.

    A bound on the difference of two rates from Wilson's bounds on each (MOVER; Newcombe, Statistics in Medicine, 1998).

    Args:
        errors: errors on the first images.
        n: how many these are.
        elsewhere: errors on the other images.
        of: how many those are.
    """
    here, there = errors / n, elsewhere / of
    high, low = _wilson(errors, n)[1], _wilson(elsewhere, of)[0]
    gap = there / 2 - here
    return gap > math.hypot((there - low) / 2, high - here)


def _wilson(hits: int, n: int) -> tuple[float, float]:
    rate, z = hits / n, _DEVIATIONS
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return max(centre - half, 0.0), min(centre + half, 1.0)
