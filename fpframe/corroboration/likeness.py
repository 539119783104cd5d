"""`compare_weights`: how like the weights of two networks are, once channels are in one order and at one scale."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np

from fpframe.corroboration.assignment import reassigned
from fpframe.corroboration.orders import find_orders
from fpframe.corroboration.plan import Plan
from fpframe.corroboration.scales import balance, find_scales
from fpframe.corroboration.values import Values

#: How far apart two weights may be that count as equal, relative to the larger one: what bfloat16 keeps.
EQUAL = 2.0**-8


@attrs.frozen
class LayerLikeness:
    """How like two layers are.

    Attributes:
        cosine: of their weights.
        equal: share of their weights that are equal, of those that are not zero in both.
    """

    cosine: float
    equal: float


@attrs.frozen(eq=False)
class Likeness:
    """How like a network is to the victim.

    Attributes:
        layers: by layer.
        in_place: share of its channels that stand where they stand in the victim; NaN where none could be moved.
    """

    layers: Mapping[str, LayerLikeness]
    in_place: float

    @property
    def mean(self) -> float:
        """The mean of the cosines of all layers."""
        return float(np.mean([layer.cosine for layer in self.layers.values()]))


@attrs.frozen(eq=False)
class Reference:
    """The victim's weights, with what is made of them once.

    Attributes:
        plan: the layers.
        values: the weights.
        balanced: the same at the scales that make them comparable.
        base: the weights of the public model that it began with, brought to its order and scale.
    """

    plan: Plan
    values: Values
    balanced: Values
    base: Values | None = None

    @classmethod
    def of(cls, plan: Plan, values: Values, base: Values | None = None) -> Reference:
        """Return what others are compared with."""
        made = cls(plan, values, balance(plan, values))
        return made if base is None else attrs.evolve(made, base=align(made, base)[0])

    @property
    def changed(self) -> Plan:
        """The layers that the victim did not take over from the base as they were: all, where there is none."""
        base = self.base
        if base is None:
            return self.plan
        return self.plan.only(
            [
                layer.name
                for layer in self.plan.layers
                if not np.allclose(self.values.weights[layer.name], base.weights[layer.name], rtol=1e-5, atol=1e-8)
            ]
        )


def compare_weights(reference: Reference, other: Values) -> Likeness:
    """Return how like a network is; with a base, how like its changes from that are.

    Layers of one shape are compared as they are named, and as their content tells them; the likelier counts.
    """
    by_content = reassigned(reference.plan, reference.values, other)
    found = [_compared(reference, each) for each in (other, by_content) if each is not None]
    return max(found, key=lambda likeness: likeness.mean)


def align(reference: Reference, other: Values) -> tuple[Values, float]:
    """Return a network with its units in the order and at the scales in which it is most like the reference.

    The second result is the share of units that are in their place already.
    """
    plan = reference.plan
    orders = find_orders(plan, reference.balanced, balance(plan, other))
    moved = other.ordered(plan, plan.spread(orders))
    scales = {root: -found for root, found in find_scales(plan, reference.values, moved).items()}
    rescaled = moved.scaled(plan, scales)
    both = [(each, _mean_cosine(plan, reference.values, each)) for each in (moved, rescaled)]
    units = [order == np.arange(len(order)) for order in orders.values()]
    return max(both, key=lambda pair: pair[1])[0], float(np.concatenate(units).mean()) if units else np.nan


def _compared(reference: Reference, other: Values) -> Likeness:
    aligned, in_place = align(reference, other)
    own, theirs, plan = reference.values, aligned, reference.changed
    if reference.base is not None:
        own, theirs = _less(own, reference.base), _less(theirs, reference.base)
    return Likeness(_likenesses(plan, own, theirs), in_place)


def _mean_cosine(plan: Plan, one: Values, other: Values) -> float:
    return Likeness(_likenesses(plan, one, other), np.nan).mean


def _likenesses(plan: Plan, one: Values, other: Values) -> dict[str, LayerLikeness]:
    """Return how like the layers of two networks are as they stand."""
    return {layer.name: _likeness(one.weights[layer.name], other.weights[layer.name]) for layer in plan.layers}


def _likeness(one: np.ndarray, other: np.ndarray) -> LayerLikeness:
    lengths = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    cosine = float((one * other).sum()) / lengths if lengths else 0.0
    larger = np.maximum(np.abs(one), np.abs(other))
    used = larger > 0
    equal = float((np.abs(one - other)[used] <= EQUAL * larger[used]).mean()) if used.any() else 0.0
    return LayerLikeness(cosine=min(1.0, max(-1.0, cosine)), equal=equal)


def _less(values: Values, base: Values) -> Values:
    return Values({name: weight - base.weights[name] for name, weight in values.weights.items()}, values.biases)
