"""Shapes of answers: what has one row for each image is brought to ``(N, K)`` or ``(N,)``."""

from __future__ import annotations

import math

from torch import Tensor


def squeezed(answer: Tensor, count: int, classes: int) -> Tensor:
    """Return answers to `count` images without dimensions of one: ``(N, K)``, ``(N,)``, or as they are.

    ``(N, K, 1, 1)`` and ``(N, 1, K)`` become ``(N, K)``, and so does ``(K,)`` for a single image.
    """
    shape = list(answer.shape)
    if count == 1 and shape == [classes] and classes > 1:
        return answer[None]
    if len(shape) > 1 and shape[0] == 1 != count and shape[1] == count:
        shape = shape[1:]
    if not shape or shape[0] != count:
        return answer
    kept = [count, *(size for size in shape[1:] if size != 1)]
    return answer.reshape(kept)


def fits(answer: Tensor, count: int, classes: int) -> bool:
    """Tell whether an answer has a row of K numbers for each image, squeezed or not."""
    return tuple(squeezed(answer, count, classes).shape) == (count, classes)


def plain(number: float) -> str:
    """Return a number for a sentence, in three digits; what is almost whole is whole."""
    if math.isclose(number, round(number), rel_tol=1e-4, abs_tol=5e-4):
        return str(round(number))
    return f"{number:.4g}" if abs(number) > 100 else f"{number:.3g}"
