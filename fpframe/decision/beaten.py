"""`kernel`: how far each derived model beats each independent one, from which areas and their variances come."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np


def kernel(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """Return the kernel ``(P, N)`` of scores ``(S, P)`` and ``(S, N)`` with S seeds.

    It is 1 where a derived model lies above an independent one, 1/2 for a tie and 0 below, and over several seeds the
    mean of these. Its own mean is the AUC. A score that is NaN counts against the claimant on either side.

    Raises:
        ValueError: one side is empty.
    """
    if not positive.shape[1] or not negative.shape[1]:
        raise ValueError("an AUC needs scores on both sides")
    above = np.where(np.isnan(positive), -np.inf, positive)[:, :, None]
    below = np.where(np.isnan(negative), np.inf, negative)[:, None, :]
    beaten: np.ndarray = ((above > below) + 0.5 * (above == below)).mean(0)
    return beaten


@attrs.frozen(kw_only=True, eq=False)
class Beaten:
    """A kernel of one zoo, with the families of its models; or the difference of two kernels.

    Attributes:
        kernel: ``(P, N)``; its mean is the AUC.
        positive: families ``P`` of the derived models.
        negative: families ``N`` of the independent ones.
    """

    kernel: np.ndarray
    positive: Sequence[str]
    negative: Sequence[str]

    @property
    def area(self) -> float:
        """The AUC."""
        return float(self.kernel.mean())

    @property
    def counts(self) -> tuple[int, int]:
        """Families on either side."""
        return len(set(self.positive)), len(set(self.negative))

    def variance(self) -> float:
        """Return the variance of the area, with two or more families on each side (Obuchowski, Biometrics, 1997)."""
        return _variance(self.kernel.mean(1), self.positive) + _variance(self.kernel.mean(0), self.negative)


def _variance(components: np.ndarray, families: Sequence[str]) -> float:
    """Return the variance of the mean of components that are correlated inside families, two or more."""
    names, member = np.unique(np.asarray(families), return_inverse=True)
    sums = np.bincount(member, weights=components - components.mean())
    return float(len(names) / (len(names) - 1) * np.sum(sums**2) / len(components) ** 2)
