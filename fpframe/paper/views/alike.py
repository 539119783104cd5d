"""How alike fingerprints are: the views of one model among each other, and the same view of two models."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from scipy.stats import wilcoxon
from torch import Tensor


@attrs.frozen(kw_only=True, eq=False)
class Alike:
    """Cosines between fingerprints of models ``M`` with views ``V``.

    Attributes:
        across: of a model's v-th view and its first ``(M, V)``; the first column is 1.
        between: of the v-th views of two models ``(M, M, V)``.
    """

    across: np.ndarray
    between: np.ndarray

    @classmethod
    def of(cls, fingerprints: Tensor) -> Alike:
        """Compare fingerprints ``(M, V, ...)``, whatever is in them."""
        rows = fingerprints.flatten(2).double()
        unit = (rows / rows.norm(dim=2, keepdim=True).clamp_min(1e-12)).numpy()
        return cls(
            across=np.einsum("mve,me->mv", unit, unit[:, 0]),
            between=np.stack([each @ each.T for each in unit.swapaxes(0, 1)], axis=2),
        )

    def own_views(self) -> np.ndarray:
        """Return how alike each model's other views are to its first ``(M,)``."""
        means: np.ndarray = self.across[:, 1:].mean(1)
        return means

    def to_others(self, others: Sequence[int], families: Sequence[str]) -> np.ndarray:
        """Return how alike each model is to some others of other families, in the same view ``(M,)``."""
        means = self.between.mean(2)
        return np.array(
            [np.mean([row[other] for other in others if families[other] != families[m]]) for m, row in enumerate(means)]
        )


@attrs.frozen(kw_only=True)
class Difference:
    """A paired difference with the family as the unit.

    Attributes:
        median: over families.
        p_value: of the signed-rank test (Wilcoxon, Biometrics Bulletin, 1945), two-sided.
        families: number of families.
    """

    median: float
    p_value: float
    families: int


def paired(first: np.ndarray, second: np.ndarray, families: Sequence[str]) -> Difference:
    """Compare two values of each model ``(M,)``; models of one family count as one, by their mean."""
    names, member = np.unique(np.asarray(families), return_inverse=True)
    gaps = np.bincount(member, weights=first - second) / np.bincount(member)
    p_value = float(wilcoxon(gaps).pvalue) if len(names) > 1 and np.any(gaps) else 1.0
    return Difference(median=float(np.median(gaps)), p_value=p_value, families=len(names))
