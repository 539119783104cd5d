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
        own: of two views of one model ``(M, V, V)``; the diagonal is 1.
        between: of the same view of two models ``(M, M, V)``; the diagonal is 1.
    """

    own: np.ndarray
    between: np.ndarray

    @classmethod
    def of(cls, fingerprints: Tensor) -> Alike:
        """Compare fingerprints ``(M, V, ...)``, whatever is in them."""
        rows = fingerprints.flatten(2).double()
        unit = (rows / rows.norm(dim=2, keepdim=True).clamp_min(1e-12)).numpy()
        return cls(
            own=np.stack([each @ each.T for each in unit]),
            between=np.stack([each @ each.T for each in unit.swapaxes(0, 1)], axis=2),
        )

    def own_views(self) -> np.ndarray:
        """Return how alike two different views of each model are ``(M,)``; a view and itself are not compared.

        Raises:
            ValueError: there is one view.
        """
        views = self.own.shape[1]
        if views < 2:
            raise ValueError("one view has no other views")
        means: np.ndarray = self.own[:, ~np.eye(views, dtype=bool)].mean(1)
        return means

    def to_others(self, others: Sequence[int], families: Sequence[str]) -> np.ndarray:
        """Return how alike each model is to the same view of some others of other families ``(M, V)``."""
        return np.stack(
            [
                row[[other for other in others if families[other] != families[model]]].mean(0)
                for model, row in enumerate(self.between)
            ]
        )


@attrs.frozen(kw_only=True)
class Difference:
    """A paired difference with the family as the unit.

    Attributes:
        median: pseudomedian over families, which has the sign that the test finds (Hodges and Lehmann, 1963).
        p_value: of the signed-rank test (Wilcoxon, Biometrics Bulletin, 1945), two-sided.
        families: number of families.
    """

    median: float
    p_value: float
    families: int

    @property
    def text(self) -> str:
        """The difference with its p-value and the number of families."""
        return f"{self.median:+.3f} (p = {self.p_value:.2g}, n = {self.families} families)"


def paired(first: np.ndarray, second: np.ndarray, families: Sequence[str]) -> Difference:
    """Compare two values of each model ``(M,)``; models of one family count as one, by their mean."""
    names, member = np.unique(np.asarray(families), return_inverse=True)
    gaps = np.bincount(member, weights=first - second) / np.bincount(member)
    averages = (gaps[:, None] + gaps)[np.triu_indices(len(gaps))] / 2
    p_value = float(wilcoxon(gaps).pvalue) if len(names) > 1 and np.any(gaps) else 1.0
    return Difference(median=float(np.median(averages)), p_value=p_value, families=len(names))
