"""Silhouettes: how far points keep from those of other groups (Rousseeuw, 1987)."""

from __future__ import annotations

import numpy as np

from fpframe.rng import isolated


def silhouettes(points: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the silhouette of each point, by cosine distance: 1 well within its group, -1 well within another.

    Args:
        points: ``(M, E)``.
        groups: the group of each point ``(M,)``.
    """
    with isolated(0):
        from sklearn.metrics import silhouette_samples  # draws random numbers when it is imported

    found: np.ndarray = silhouette_samples(points, groups, metric="cosine")
    return found
