"""`balance` and `find_scales`: what weights are multiplied by where a network computes the same at other scales.

ReLU, pooling and linear layers pass a positive factor on, so that whoever multiplies what goes into a channel, and
divides what comes out of it, changes all weights and no answer.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fpframe.corroboration.plan import Layer, Plan, Side
from fpframe.corroboration.values import Values, along

_ROUNDS = 20
#: Numbers of each unit that a median is taken of; more change nothing that counts.
_MOST_NUMBERS = 512
#: The largest change of a logarithm that needs no further round.
_SETTLED = 1e-10

#: By the space that units share their scale with, the logarithm of what each unit is multiplied by.
Scales = dict[int, np.ndarray]


def balance(plan: Plan, values: Values) -> Values:
    """Return the same network at the scales at which the squares of its weights sum up to least.

    These scales are unique, so that a network and a rescaled one become the same (Stock, Graham, Gribonval and Jegou,
    Equi-normalization of Neural Networks, ICLR 2019).
    """
    scales = _none(plan)
    squares = Values({name: np.square(weight) for name, weight in values.weights.items()}, values.biases)
    for _ in range(_ROUNDS):
        largest = 0.0
        for root in scales:
            coming, going = (_sums(plan, squares, root, scales, sign) for sign in (1, -1))
            step = _balancing(coming, going, len(scales[root]))
            scales[root] = scales[root] + step
            largest = max(largest, float(np.abs(step).max(initial=0)))
        if largest < _SETTLED:
            break
    return values.scaled(plan, scales)


def find_scales(plan: Plan, one: Values, other: Values) -> Scales:
    """Return the scales of `other`, whose units are in order, relative to those of `one`.

    Each is the median of what the numbers around a unit say, so that it stays exact where most numbers are equal but
    for the scale, as after pruning. They are first found layer by layer from the image on, then all together.
    """
    with np.errstate(divide="ignore"):
        ratios = {
            layer.name: np.log(np.abs(other.weights[layer.name])) - np.log(np.abs(one.weights[layer.name]))
            for layer in plan.layers
        }
    ratios = {name: np.where(np.isfinite(ratio), ratio, np.nan) for name, ratio in ratios.items()}
    scales = _none(plan)
    for root in scales:
        scales[root] = scales[root] + _step(plan, ratios, root, scales, signs=(1,))
    for _ in range(_ROUNDS):
        largest = 0.0
        for root in scales:
            step = _step(plan, ratios, root, scales, signs=(1, -1))
            scales[root] = scales[root] + step
            largest = max(largest, float(np.abs(step).max(initial=0)))
        if largest < _SETTLED:
            break
    return scales


def _none(plan: Plan) -> Scales:
    roots = dict.fromkeys(
        plan.scale_of[space] for layer in plan.layers for side in layer.sides for space in side.axis.present()
    )
    return {root: np.zeros(plan.sizes[root]) for root in roots}


def _balancing(coming: np.ndarray | None, going: np.ndarray | None, units: int) -> np.ndarray:
    """Return the logarithms that make what goes into each unit as large as what comes out of it.

    Where one of the two is not known, the other becomes one.
    """
    first, second = (np.ones(units) if sums is None else sums for sums in (coming, going))
    both = (first > 0) & (second > 0)
    step = np.zeros(units)
    step[both] = np.log(second[both] / first[both]) / (4 if coming is not None and going is not None else 2)
    return step


def _sums(plan: Plan, squares: Values, root: int, scales: Scales, sign: int) -> np.ndarray | None:
    """Return the sum of squares of what goes into each unit, or comes out of it; ``None`` where nothing does."""
    found: np.ndarray | None = None
    for layer, side, space in _around(plan, root, (sign,)):
        now = squares.weights[layer.name] * np.exp(2 * _logs(plan, layer, scales))
        rows = _rows(now, side, space).sum(1)
        found = rows if found is None else found + rows
    return found


def _step(plan: Plan, ratios: dict[str, np.ndarray], root: int, scales: Scales, signs: tuple[int, ...]) -> np.ndarray:
    """Return by how much the numbers around each unit say that its scale is larger."""
    rows = []
    for layer, side, space in _around(plan, root, signs):
        left = ratios[layer.name] - _logs(plan, layer, scales)
        numbers = _rows(left, side, space) * side.sign
        rows.append(numbers[:, :: max(1, numbers.shape[1] // _MOST_NUMBERS)])
    return _medians(np.hstack(rows)) if rows else np.zeros(len(scales[root]))


def _medians(rows: np.ndarray) -> np.ndarray:
    """Return the median of each row's numbers; zero where there are none."""
    empty = np.isnan(rows).all(1)
    rows = np.where(empty[:, None], 0.0, rows)
    found: np.ndarray = np.nanmedian(rows, axis=1)
    return found


def _logs(plan: Plan, layer: Layer, scales: Scales) -> np.ndarray:
    """Return the logarithm of what each weight of a layer is multiplied by, broadcastable to its shape."""
    total: np.ndarray = np.zeros((1,) * len(layer.shape))
    for side in layer.sides:
        shape = [-1 if dim == side.dim else 1 for dim in range(len(layer.shape))]
        total = total + (side.sign * along(plan, side.axis.spaces, side.axis.units, scales)).reshape(shape)
    return total


def _around(plan: Plan, root: int, signs: tuple[int, ...]) -> Iterator[tuple[Layer, Side, int]]:
    for layer in plan.layers:
        for side in layer.sides:
            if side.sign in signs:
                for space in side.axis.present():
                    if plan.scale_of[space] == root:
                        yield layer, side, space


def _rows(numbers: np.ndarray, side: Side, space: int) -> np.ndarray:
    positions = side.axis.positions(space)
    found: np.ndarray = np.moveaxis(numbers, side.dim, 0)[positions].reshape(len(positions), -1)
    return found
