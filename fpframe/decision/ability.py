"""Which models are clearly less able than another one, by the images that each gets right."""

from __future__ import annotations

import numpy as np

#: How many standard errors apart two models are, so that one of them is clearly less able.
STANDARD_ERRORS = 2.0
#: The same where one suspect is compared with all calibration models at once. Of a hundred that are as able as it, two
#: or three are two standard errors below it by chance, and each of them may cost a verdict; three are so once in seven
#: suspects.
FOR_SUSPECTS = 3.0


def clearly_less_able(right: np.ndarray, other: np.ndarray, *, errors: float = STANDARD_ERRORS) -> np.ndarray:
    """Return which models ``(M,)`` are clearly less able than another one.

    Only the images on which a model and the other one differ can tell. Were the two equally able, each of them would be
    as likely to be got right by either, and the numbers of both kinds would differ by the square root of their sum, as
    a standard error (McNemar, Psychometrika, 1947). A model is clearly less able from so many standard errors on.

    Args:
        right: whether each model is right about each image, ``(M, N)``.
        other: whether the other one is, ``(N,)``.
        errors: how many standard errors.

    Raises:
        ValueError: they are not about the same images.
    """
    right, other = np.asarray(right, dtype=bool), np.asarray(other, dtype=bool)
    if right.ndim != 2 or other.shape != right.shape[1:]:
        raise ValueError(f"expected (M, N) and (N,), got {right.shape} and {other.shape}")
    missed, gained = (~right & other).sum(axis=1), (right & ~other).sum(axis=1)
    lead = missed - gained
    less: np.ndarray = (lead > 0) & (lead >= errors * np.sqrt(missed + gained))
    return less


def resolution(images: int, differing: float, *, errors: float = STANDARD_ERRORS) -> float:
    """Return the smallest difference of accuracies that so many images tell.

    Args:
        images: how many there are.
        differing: the share of them on which the two models differ, such as 0.1.
        errors: how many standard errors.
    """
    return float(errors * np.sqrt(differing / images))
