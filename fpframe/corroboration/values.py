"""`Values`: the weights of one network, layer by layer, with batch normalisation folded into them."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from torch import Tensor

from fpframe.corroboration.plan import Layer, Plan

#: The tensors of a normalisation: what it multiplies by, what it adds, and mean and variance of what it is given.
NORM_PARTS = ("weight", "bias", "running_mean", "running_var")


@attrs.frozen(eq=False)
class Values:
    """The weights of one network.

    Attributes:
        weights: by layer, in double precision.
        biases: by layer, what is added to each row of the weights; zeros where nothing is.
    """

    weights: dict[str, np.ndarray]
    biases: dict[str, np.ndarray]

    @classmethod
    def of(cls, plan: Plan, tensors: Mapping[str, Tensor]) -> Values:
        """Return the weights of a plan's layers.

        Args:
            plan: the layers; those of which the weights are not given are left out.
            tensors: by the names of the plan. A layer whose normalisation is not given had it folded in already.
        """
        found = {layer.name: _folded(layer, tensors) for layer in plan.layers if layer.weight in tensors}
        return cls({name: pair[0] for name, pair in found.items()}, {name: pair[1] for name, pair in found.items()})

    def scaled(self, plan: Plan, scales: Mapping[int, np.ndarray]) -> Values:
        """Return the weights of a network that computes the same with its units at other scales.

        Args:
            plan: the layers.
            scales: by the space that units share their scale with, the logarithm of what each is multiplied by.
        """
        weights, biases = dict(self.weights), dict(self.biases)
        for layer in plan.layers:
            for side in layer.sides:
                factors = np.exp(along(plan, side.axis.spaces, side.axis.units, scales))
                weight = weights[layer.name]
                shape = [-1 if dim == side.dim else 1 for dim in range(weight.ndim)]
                weights[layer.name] = weight * (factors**side.sign).reshape(shape)
                if side.sign == 1:
                    biases[layer.name] = biases[layer.name] * factors
        return Values(weights, biases)

    def ordered(self, plan: Plan, orders: Mapping[int, np.ndarray]) -> Values:
        """Return the weights of a network that computes the same with its units in another order.

        Args:
            plan: the layers.
            orders: by space, from which unit each one is taken.
        """
        weights, biases = dict(self.weights), dict(self.biases)
        for layer in plan.layers:
            for dim, side in {side.dim: side for side in layer.sides}.items():
                order = side.axis.order(orders)
                weights[layer.name] = np.take(weights[layer.name], order, axis=dim)
                if dim == 0:
                    biases[layer.name] = biases[layer.name][order]
        return Values(weights, biases)


def along(plan: Plan, spaces: np.ndarray, units: np.ndarray, scales: Mapping[int, np.ndarray]) -> np.ndarray:
    """Return the logarithm of the scale of each position of an axis; zero for what has none."""
    found = np.zeros(len(spaces))
    for space in np.unique(spaces):
        root = plan.scale_of.get(int(space))
        if root is not None and root in scales:
            here = spaces == space
            found[here] = scales[root][units[here]]
    return found


def _folded(layer: Layer, tensors: Mapping[str, Tensor]) -> tuple[np.ndarray, np.ndarray]:
    weight = _numbers(tensors[layer.weight])
    bias = np.zeros(weight.shape[0])
    if layer.bias in tensors:
        bias = _numbers(tensors[layer.bias])
    if not layer.norm or f"{layer.norm}.running_var" not in tensors:
        return weight, bias
    ones, zeros = np.ones(len(bias)), np.zeros(len(bias))
    given = {part: tensors.get(f"{layer.norm}.{part}") for part in NORM_PARTS}
    gain, shift, mean, variance = (
        usual if (value := given[part]) is None else _numbers(value)
        for part, usual in zip(NORM_PARTS, (ones, zeros, zeros, ones), strict=True)
    )
    factor = gain / np.sqrt(np.maximum(variance, 0) + layer.epsilon)
    return weight * factor.reshape(-1, *(1 for _ in range(weight.ndim - 1))), (bias - mean) * factor + shift


def _numbers(tensor: Tensor) -> np.ndarray:
    found: np.ndarray = tensor.detach().cpu().double().numpy()
    return found
