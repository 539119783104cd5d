"""`kmeans-neighbours`: query points from all over the victim's decision space, and views from around them.

From "Fingerprinting Deep Neural Networks Globally via Universal Adversarial Perturbations" (Peng et al., CVPR 2022).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import fpframe
from fpframe import Augmenter, Classifier, References
from fpframe.models import Pixels
from fpframe.parameters import one_of, whole
from fpframe.rng import threads

Rows = NDArray[np.float64]
Indices = NDArray[np.int64]


@attrs.frozen(kw_only=True)
class KmeansNeighbours(Augmenter):
    """Cluster the victim's answers to the pool; choose the image nearest to each centre, and its neighbours as views.

    View 0 holds the query points. View v holds the v-th nearest neighbour of each in the victim's output space, query
    points left out. A neighbour that another point of the same view has taken already is replaced by the next one.

    Attributes:
        space: the output space: ``probs``, the softmax probabilities that a suspect answers with too, or ``logits``,
            which also tell apart images of which the victim is sure.
        iterations: rounds of k-means at most.
    """

    name: ClassVar[str] = "kmeans-neighbours"
    streams: ClassVar[bool] = True

    space: Literal["probs", "logits"] = attrs.field(default="probs", validator=one_of("probs", "logits"))
    iterations: int = attrs.field(default=100, validator=whole(low=1))

    def choose(
        self,
        model: Classifier,
        pool: Tensor | Pixels,
        labels: Tensor,
        *,
        points: int,
        views: int,
        references: References | None,
        seed: int,
    ) -> Tensor:
        """Return indices ``(V, N)`` into `pool` ``(P, C, H, W)``.

        Where outputs are equal the lower index counts as the nearer one, so that even a constant model gets N points.
        No view repeats an image, and none after the first shows a query point unless the pool has nothing else left.
        """
        logits = model.logits(pool).double()
        outputs = (logits.softmax(1) if self.space == "probs" else logits).numpy()
        centres = self._centres(outputs, points, seed)
        reluctance = np.zeros((points, len(pool)), dtype=np.int8)
        chosen = [nearest_distinct(squared_distances(centres, outputs), reluctance)]
        to_points = squared_distances(outputs[chosen[0]], outputs)
        reluctance[:, chosen[0]] = 1
        for _ in range(1, views):
            reluctance[np.arange(points), chosen[-1]] = 2
            chosen.append(nearest_distinct(to_points, reluctance))
        return torch.from_numpy(np.stack(chosen))

    def _centres(self, outputs: Rows, points: int, seed: int) -> Rows:
        """Return N centres ``(N, K)``, some of them equal when the outputs have fewer than N distinct rows."""
        # importing it draws random numbers, which must not happen when the plugin is imported
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning

        kmeans = KMeans(points, n_init=1, max_iter=self.iterations, random_state=seed % 2**32)
        # sums are split by thread: with more than one the same seed may give other clusters on another machine
        with threads(1), warnings.catch_warnings():
            # it warns of centres that are equal, which are fine here: each is given an image of its own
            warnings.simplefilter("ignore", ConvergenceWarning)
            centres: Rows = kmeans.fit(outputs).cluster_centers_
        return centres


def squared_distances(centres: Rows, outputs: Rows) -> Rows:
    """Return squared Euclidean distances ``(N, P)``."""
    return np.stack([((outputs - centre) ** 2).sum(1) for centre in centres])


def nearest_distinct(distances: Rows, reluctance: NDArray[np.int8]) -> Indices:
    """Return for each row of ``(N, P)`` the nearest column that no row before it has taken.

    A column of higher `reluctance` ``(N, P)`` is taken only when all those of lower reluctance are gone.
    """
    taken = np.zeros(distances.shape[1], dtype=bool)
    nearest = np.empty(len(distances), dtype=np.int64)
    for row, distance in enumerate(distances):
        least = reluctance[row, ~taken].min()
        open_ = ~taken & (reluctance[row] == least)
        nearest[row] = np.where(open_, distance, np.inf).argmin()
        taken[nearest[row]] = True
    return nearest


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `kmeans-neighbours`."""
    return [KmeansNeighbours]
