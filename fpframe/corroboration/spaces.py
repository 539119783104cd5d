"""`Spaces`: sets of units that a network could hold in any order, while it is found out which they are."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from fpframe.corroboration.plan import FIXED, Axis


class Spaces:
    """Numbers spaces, and says which share their order or their scale, and which are fixed.

    Attributes:
        sizes: by space, its number of units.
    """

    def __init__(self) -> None:
        self.sizes: dict[int, int] = {}
        self._order: dict[int, int] = {}
        self._scale: dict[int, int] = {}
        self._fixed: set[int] = set()

    def new(self, size: int) -> int:
        """Return a space of its own."""
        space = len(self.sizes)
        self.sizes[space], self._order[space], self._scale[space] = size, space, space
        return space

    def alike(self, axis: Axis) -> Axis:
        """Return the same axis in spaces that share the order of its own, but not their scale."""
        spaces = axis.spaces.copy()
        for space in axis.present():
            twin = self.new(self.sizes[space])
            spaces[axis.spaces == space] = twin
            self._unite(self._order, space, twin)
        return Axis(spaces, axis.units)

    def join(self, one: int, other: int) -> None:
        """Let two spaces share order and scale; those of different sizes are fixed."""
        if self.sizes[one] != self.sizes[other]:
            self.fix([one, other])
            return
        self._unite(self._order, one, other)
        self._unite(self._scale, one, other)

    def fix(self, spaces: Iterable[int]) -> None:
        """Let spaces stay in their order."""
        self._fixed |= {space for space in spaces if space != FIXED}

    def fixed(self) -> set[int]:
        """Return the spaces that are fixed, or share their order with one that is."""
        return self.sharing(self._fixed)

    def sharing(self, spaces: Iterable[int]) -> set[int]:
        """Return the spaces that share their order with one of these."""
        roots = {_root(self._order, space) for space in spaces}
        return {space for space in self.sizes if _root(self._order, space) in roots}

    def orders(self) -> dict[int, int]:
        """Return by space the first one that it shares its order with."""
        return {space: _root(self._order, space) for space in self.sizes}

    def scales(self) -> dict[int, int]:
        """Return by space the first one that it shares its scale with."""
        return {space: _root(self._scale, space) for space in self.sizes}

    def other_orders(self) -> dict[int, np.ndarray]:
        """Return by space an order that moves every unit."""
        drawn = {root: np.roll(np.arange(self.sizes[root]), 1) for root in set(self.orders().values())}
        return {space: drawn[root] for space, root in self.orders().items()}

    @staticmethod
    def _unite(parents: dict[int, int], one: int, other: int) -> None:
        first, second = sorted((_root(parents, one), _root(parents, other)))
        parents[second] = first


def _root(parents: dict[int, int], space: int) -> int:
    while parents[space] != space:
        space = parents[space]
    return space
