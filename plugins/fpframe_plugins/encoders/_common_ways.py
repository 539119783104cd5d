"""The ways in which many models vary, and how much of each is taken off.

Not a plugin: encoders use it.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: A standard deviation below this is a rounding error of float32.
NOISE = 1e-6


def common_ways(products: Tensor, *, most: int, ridge: float) -> tuple[Tensor, Tensor, Tensor]:
    """Take the inverse square root of ``1 + within.T @ within / (ridge * mean variance)``, by its eigenvectors.

    Variances are sums of squares here and in that mean, so that the number of models does not matter.

    Args:
        products: ``within @ within.T`` ``(M, M)`` of M models' features, in float64.
        most: how many directions lose weight at most, the strongest first.
        ridge: see above.

    Returns:
        What gives D directions when it is multiplied by ``within``, ``(D, M)``; which of them are real, as ``(D, 1)``;
        and what is taken off along each of them, as a share of it, ``(D,)``.
    """
    # as many models as there are, far fewer than features: their products have the same eigenvalues
    variances, vectors = torch.linalg.eigh(products)
    kept = min(len(variances), most)
    variances, vectors = variances.flip(0).clamp_min(0), vectors.flip(1)[:, :kept]
    weight = (ridge * variances.mean()).clamp_min(NOISE**2)
    # directions beyond the rank are rounding errors
    real = variances[:kept] > NOISE * variances[0]
    shrinking = (1 - (1 + variances[:kept] / weight).rsqrt()) * real
    return (vectors / variances[:kept].sqrt().clamp_min(NOISE)).T, real.unsqueeze(1), shrinking
