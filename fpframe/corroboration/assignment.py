"""`assign`: which of several layers of one shape is which, by what no order or scale of their channels changes."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from scipy.optimize import linear_sum_assignment

from fpframe.corroboration.plan import Plan
from fpframe.corroboration.values import Values

_ROUNDS = 30


def assign(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> list[tuple[int, int]]:
    """Return pairs of numbers of layers that belong together, all of one shape.

    Each is brought to rows and columns of length one, which takes all scales out, and told by its singular values,
    which no order of rows and columns changes.
    """
    own, others = (np.stack([_signature(weight) for weight in weights]) for weights in (ours, theirs))
    costs = np.square(own[:, None] - others[None]).sum(-1)
    rows, columns = linear_sum_assignment(costs)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True)]


def reassigned(plan: Plan, one: Values, other: Values) -> Values | None:
    """Return the other network with layers of one shape told by what is in them; ``None`` where their names do so."""
    weights, biases = dict(other.weights), dict(other.biases)
    moved = False
    for shape in dict.fromkeys(layer.shape for layer in plan.layers):
        names = [layer.name for layer in plan.layers if layer.shape == shape]
        if len(names) == 1:
            continue
        for first, second in assign([one.weights[name] for name in names], [other.weights[name] for name in names]):
            moved |= first != second
            weights[names[first]], biases[names[first]] = other.weights[names[second]], other.biases[names[second]]
    return attrs.evolve(other, weights=weights, biases=biases) if moved else None


def _signature(weight: np.ndarray) -> np.ndarray:
    matrix = np.array(weight.reshape(weight.shape[0], -1), dtype=np.float64)
    blocks = weight.shape[1] if weight.ndim > 1 else 1
    for _ in range(_ROUNDS):
        rows = np.linalg.norm(matrix, axis=1, keepdims=True)
        matrix = matrix / np.where(rows > 0, rows, 1)
        columns = np.linalg.norm(matrix.reshape(len(matrix), blocks, -1), axis=(0, 2))
        matrix = (matrix.reshape(len(matrix), blocks, -1) / np.where(columns > 0, columns, 1)[:, None]).reshape(
            len(matrix), -1
        )
    values: np.ndarray = np.linalg.svd(matrix, compute_uv=False)
    return values / (np.linalg.norm(values) or 1.0)
