"""`find_orders`: bring the units of one network into the order of another's, by their weights alone.

This is weight matching of Git Re-Basin (Ainsworth, Hayase and Srinivasa, ICLR 2023, arXiv:2209.04836): space by space,
the order is chosen by linear assignment in which the weights of all layers around it are most alike, until nothing
changes. Three things are added. Networks are brought to one scale beforehand (`balance`). It begins both with the order
of the file, and with an order that is found layer by layer from the image on. And each layer counts by its cosine, so
that none outweighs others by its size.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.optimize import linear_sum_assignment

from fpframe.corroboration.plan import FIXED, Layer, Plan, Side
from fpframe.corroboration.values import Values

#: Rounds over all spaces; some ten are usual.
_MOST_ROUNDS = 50
#: By how much the sum of cosines has to grow for another round.
_LEAST_GAIN = 1e-9

#: By the space that shares its order with others, from which unit of the other network each unit is taken.
Orders = dict[int, np.ndarray]


def find_orders(plan: Plan, one: Values, other: Values) -> Orders:
    """Return the orders in which the units of `other` are most like those of `one`.

    Args:
        plan: the layers.
        one: weights that are balanced.
        other: others that are.
    """
    roots = list(dict.fromkeys(plan.order_of[space] for layer in plan.layers for space in _spaces(layer)))
    identity = {root: np.arange(plan.sizes[root]) for root in roots}
    begun = [identity, _from_the_image_on(plan, one, other, roots)]
    found = [_improved(plan, one, other, orders) for orders in begun]
    return max(found, key=lambda pair: pair[1])[0]


def _improved(plan: Plan, one: Values, other: Values, orders: Orders) -> tuple[Orders, float]:
    """Return orders that no single space can make better, and the sum of cosines."""
    orders, reached = dict(orders), -np.inf
    for _ in range(_MOST_ROUNDS):
        total = _total(plan, one, other, orders)
        if total <= reached + _LEAST_GAIN:
            break
        reached = total
        for root in orders:
            likeness = _likeness(plan, one, other, root, orders)
            before = float(likeness[np.arange(len(likeness)), orders[root]].sum())
            order = linear_sum_assignment(likeness, maximize=True)[1]
            if float(likeness[np.arange(len(likeness)), order].sum()) > before + _LEAST_GAIN:
                orders[root] = order
    return orders, _total(plan, one, other, orders)


def _from_the_image_on(plan: Plan, one: Values, other: Values, roots: list[int]) -> Orders:
    """Return orders that are found one after the other, each by the weights whose other side is known by then."""
    orders: Orders = {}
    for root in roots:
        likeness = _likeness(plan, one, other, root, orders, known_only=True)
        orders[root] = linear_sum_assignment(likeness, maximize=True)[1]
    return orders


def _likeness(
    plan: Plan, one: Values, other: Values, root: int, orders: Orders, *, known_only: bool = False
) -> np.ndarray:
    """Return how alike each unit of one network and each of the other are, ``(units, units)``."""
    total = np.zeros((plan.sizes[root], plan.sizes[root]))
    spread = plan.spread(orders)
    for layer in plan.layers:
        for side, space in _sides_of(plan, layer, root):
            others = [each for each in layer.sides if each.dim != side.dim]
            if known_only and any(
                plan.order_of[known] not in orders for each in others for known in each.axis.present()
            ):
                continue
            weight, bias = other.weights[layer.name], other.biases[layer.name]
            for each in others:
                weight = np.take(weight, each.axis.order(spread), axis=each.dim)
                bias = bias[each.axis.order(spread)] if each.dim == 0 else bias
            rows = [
                _rows(given, added, side, space)
                for given, added in ((one.weights[layer.name], one.biases[layer.name]), (weight, bias))
            ]
            total += rows[0] @ rows[1].T / (_length(one, layer) * _length(other, layer))
    return total


def _rows(weight: np.ndarray, bias: np.ndarray, side: Side, space: int) -> np.ndarray:
    """Return the numbers that belong to each unit of a space, ``(units, numbers)``."""
    positions = side.axis.positions(space)
    rows = np.moveaxis(weight, side.dim, 0)[positions].reshape(len(positions), -1)
    return np.hstack([rows, bias[positions]]) if side.dim == 0 else rows


def _total(plan: Plan, one: Values, other: Values, orders: Orders) -> float:
    moved = other.ordered(plan, plan.spread(orders))
    return sum(_cosine(one, moved, layer) for layer in plan.layers)


def _cosine(one: Values, other: Values, layer: Layer) -> float:
    product = (one.weights[layer.name] * other.weights[layer.name]).sum()
    product += (one.biases[layer.name] * other.biases[layer.name]).sum()
    return float(product) / (_length(one, layer) * _length(other, layer))


def _length(values: Values, layer: Layer) -> float:
    squares = np.square(values.weights[layer.name]).sum() + np.square(values.biases[layer.name]).sum()
    return float(np.sqrt(squares)) or 1.0


def _sides_of(plan: Plan, layer: Layer, root: int) -> Iterator[tuple[Side, int]]:
    """Yield the axes of a layer, each once, on which units of an order lie, with their spaces."""
    for side in {side.dim: side for side in layer.sides}.values():
        for space in side.axis.present():
            if plan.order_of[space] == root:
                yield side, space


def _spaces(layer: Layer) -> list[int]:
    return [space for side in layer.sides for space in side.axis.present() if space != FIXED]
