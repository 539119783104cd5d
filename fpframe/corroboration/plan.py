"""`Plan`: the layers of a network, and which of their channels may stand in another order or at another scale."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import attrs
import numpy as np

#: Stands for positions whose order is known, such as colours and classes.
FIXED = -1


@attrs.frozen(eq=False)
class Axis:
    """Which unit each position along one axis of a tensor belongs to.

    A *space* is a set of units that a network could hold in any order, such as the channels of one layer. After
    flattening, several positions belong to one unit; after concatenation, positions belong to several spaces.

    Attributes:
        spaces: number of the space ``(size,)``, or `FIXED`.
        units: number of the unit in its space ``(size,)``.
    """

    spaces: np.ndarray
    units: np.ndarray

    @classmethod
    def whole(cls, space: int, size: int) -> Axis:
        """Return the axis on which each position is a unit."""
        return cls(np.full(size, space), np.arange(size))

    def positions(self, space: int) -> np.ndarray:
        """Return the positions of each unit of a space, ``(units, positions)``.

        Raises:
            ValueError: units have different numbers of positions.
        """
        found = np.flatnonzero(self.spaces == space)
        order = found[np.argsort(self.units[found], kind="stable")]
        counts = np.bincount(self.units[found])
        if len(counts) == 0 or counts.min() != counts.max():
            raise ValueError("units have different numbers of positions")
        return order.reshape(len(counts), -1)

    def present(self) -> list[int]:
        """Return the spaces, in order."""
        return [int(space) for space in np.unique(self.spaces) if space != FIXED]

    def fixing(self, fixed: Collection[int]) -> Axis | None:
        """Return the axis without these spaces; nothing where none is left."""
        left = np.where(np.isin(self.spaces, list(fixed)), FIXED, self.spaces)
        return None if bool((left == FIXED).all()) else Axis(left, self.units)

    def order(self, orders: Mapping[int, np.ndarray]) -> np.ndarray:
        """Return from which position each one is taken, where spaces are ordered anew.

        Args:
            orders: by space, from which unit each one is taken; a space that is not there stays.
        """
        found = np.arange(len(self.spaces))
        for space in self.present():
            if space in orders:
                positions = self.positions(space)
                found[positions] = positions[orders[space]]
        return found


@attrs.frozen(eq=False, kw_only=True)
class Side:
    """One axis of a layer's weights.

    Attributes:
        dim: the dimension.
        axis: its units.
        sign: 1 where weights grow with the scale of the units, -1 where they shrink with it.
    """

    dim: int
    axis: Axis
    sign: int


@attrs.frozen(eq=False, kw_only=True)
class Layer:
    """One layer of a network.

    Attributes:
        name: of the module, or of the parameter where no module is known for it.
        weight: name of its weights among the network's tensors.
        bias: name of what is added, or where it would be; empty where there can be none.
        norm: name of the batch normalisation behind it, which can be folded into it; empty where there is none.
        epsilon: what that adds to variances.
        shape: of the weights.
        sides: the axes with units that are not fixed, where the normalisation is folded.
        bare: the same where it is not, so that it brings units to a scale of their own.
    """

    name: str
    weight: str
    bias: str = ""
    norm: str = ""
    epsilon: float = 0.0
    shape: tuple[int, ...]
    sides: tuple[Side, ...] = ()
    bare: tuple[Side, ...] = ()

    @property
    def values(self) -> int:
        """Number of weights."""
        return int(np.prod(self.shape))


@attrs.frozen(eq=False, kw_only=True)
class Plan:
    """The layers of a network in the order in which they compute.

    Attributes:
        layers: the layers.
        sizes: by space, its number of units.
        order_of: by space, the space that it shares its order with, itself where it is the first.
        scale_of: by space, the space that it shares its scale with.
        traced: whether it is known how the layers are connected; otherwise everything is fixed.
        held: names of the layers whose outputs could not be followed, and are compared in the order of the file.
    """

    layers: tuple[Layer, ...]
    sizes: Mapping[int, int]
    order_of: Mapping[int, int]
    scale_of: Mapping[int, int]
    traced: bool = True
    held: tuple[str, ...] = ()

    def only(self, names: Collection[str]) -> Plan:
        """Return the plan with some of its layers."""
        return attrs.evolve(self, layers=tuple(layer for layer in self.layers if layer.name in names))

    def without_norms(self) -> Plan:
        """Return the plan in which no normalisation is folded into the layer before it."""
        return attrs.evolve(
            self, layers=tuple(attrs.evolve(layer, sides=layer.bare, norm="", bias="") for layer in self.layers)
        )

    def spread(self, by_root: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
        """Return by space what is given by the space that it shares its order with."""
        return {space: by_root[root] for space, root in self.order_of.items() if root in by_root}
