"""Forests of decision trees, as a network that holds their nodes in flat arrays.

Not a plugin: `sklearn` uses it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fpframe.models import Fitted
from fpframe_plugins.backbones._pixel_rows import rows_of, some_of

#: Least probability of a class, so that logits are finite.
_LEAST = 1e-3


class Forest(Fitted):
    """A random forest, or extremely randomised trees, fitted by scikit-learn.

    The nodes of all trees stand one after another. Of a leaf both children are the leaf itself.

    Args:
        classes: number of classes K.
        extra: whether thresholds are drawn by chance, and every tree sees every image (Geurts et al., 2006).
        trees: how many.
        depth: of each, at most.
        leaves: of each, at most.
        images: that are learned, at most.
    """

    roots: Tensor
    feature: Tensor
    threshold: Tensor
    below: Tensor
    value: Tensor

    def __init__(self, classes: int, *, extra: bool, trees: int, depth: int, leaves: int, images: int) -> None:
        super().__init__()
        self.extra, self.trees, self.depth, self.leaves, self.images = extra, trees, depth, leaves, images
        self.register_buffer("roots", torch.zeros(1, dtype=torch.long))
        self.register_buffer("feature", torch.zeros(1, dtype=torch.long))
        self.register_buffer("threshold", torch.zeros(1))
        self.register_buffer("below", torch.zeros(1, 2, dtype=torch.long))
        self.register_buffer("value", torch.full((1, classes), 1 / classes))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logarithms ``(N, K)`` of the mean of what the trees say."""
        rows = rows_of(pixels)
        place = self.roots.expand(rows.shape[0], -1)
        for _ in range(self.depth):
            right = rows.gather(1, self.feature[place]) > self.threshold[place]
            place = self.below[place, right.long()]
        return self.value[place].mean(1).clamp_min(_LEAST).log()

    def fit(self, pixels: Tensor, labels: Tensor, *, seed: int) -> None:
        """Grow the trees."""
        # scikit-learn takes half a second to import: only for those who fit
        from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

        rows, wanted = some_of(pixels, labels, self.images, seed)
        kind = ExtraTreesClassifier if self.extra else RandomForestClassifier
        forest = kind(
            n_estimators=self.trees,
            max_depth=self.depth,
            max_leaf_nodes=self.leaves,
            random_state=seed % 2**32,
            n_jobs=1,
        ).fit(rows.numpy(), wanted.numpy())
        trees = [grown.tree_ for grown in forest.estimators_]
        counts = [tree.node_count for tree in trees]
        self.roots = torch.from_numpy(np.cumsum([0, *counts[:-1]]))
        parts = [_nodes(tree, int(root)) for tree, root in zip(trees, self.roots, strict=True)]
        self.feature, self.threshold, self.below = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
        value = np.concatenate([tree.value[:, 0] for tree in trees])
        self.value = torch.zeros(len(value), self.value.shape[1])
        # classes that no image has get no votes
        self.value[:, forest.classes_.tolist()] = torch.from_numpy(value / value.sum(1, keepdims=True)).float()


def _nodes(tree: Any, root: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return feature, threshold and children of the nodes of one tree, the first of which is number `root`."""
    leaf = tree.children_left < 0
    own = np.arange(tree.node_count)
    children = np.stack([np.where(leaf, own, tree.children_left), np.where(leaf, own, tree.children_right)], axis=1)
    threshold = tree.threshold.astype(np.float32)
    # pixels are float32: rounded down, a threshold parts the same ones as in float64
    threshold = np.where(threshold > tree.threshold, np.nextafter(threshold, np.float32(-np.inf)), threshold)
    feature = torch.from_numpy(np.where(leaf, 0, tree.feature).astype(np.int64))
    return feature, torch.from_numpy(threshold), torch.from_numpy(children + root)
