"""`Tags`: which units of a network the positions of an activation belong to, and how an operation carries them on.

No table of operations is needed. An operation is run with NaN in some positions of its input, and NaN in its output
shows which positions these came from. Where each output depends on one input position, the operation carries units on.
Whether it treats all of them alike is tried then: with units in another order, it must give its output in that order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import numpy as np
import torch
from torch import Tensor

from fpframe.corroboration.plan import FIXED, Axis

#: How far apart outputs may be, relative to the largest, that should be the same ones in another order.
_TOLERANCE = 1e-4
#: An operation of a network, which takes its inputs by name.
Operation = Callable[[Mapping[str, Tensor]], Tensor]
#: What an output depends on.
_NOTHING, _SEVERAL = -1, -2


@attrs.frozen(eq=False)
class Tags:
    """The units of an activation, which lie along one dimension."""

    dim: int
    axis: Axis


def carried(run: Operation, inputs: Mapping[str, tuple[Tensor, Tags]]) -> tuple[Tags, set[tuple[int, int]]] | None:
    """Return the units of what an operation gives, and which spaces it lays on each other; ``None`` where it mixes.

    Args:
        run: the operation, given its inputs by name.
        inputs: by name, each input that has units.
    """
    values = {name: value for name, (value, _) in inputs.items()}
    output = run(values)
    spaces: np.ndarray | None = None
    pairs: set[tuple[int, int]] = set()
    for name, (_, tags) in inputs.items():
        lying = _along_one_dimension(_sources(run, values, name, tags.dim))
        if lying is None:
            return None
        if spaces is None:
            dim = lying[0]
            spaces = np.full(output.shape[dim], FIXED)
            units = np.zeros(output.shape[dim], dtype=int)
        here = lying[1] != _NOTHING
        own_spaces, own_units = tags.axis.spaces[lying[1][here]], tags.axis.units[lying[1][here]]
        if lying[0] != dim or bool(((spaces[here] != FIXED) & (units[here] != own_units)).any()):
            return None
        pairs |= set(zip(spaces[here].tolist(), own_spaces.tolist(), strict=True))
        units[here] = own_units
        spaces[here] = np.where(spaces[here] == FIXED, own_spaces, spaces[here])
    assert spaces is not None
    return Tags(dim, Axis(spaces, units)), {pair for pair in pairs if pair[0] != pair[1] and FIXED not in pair}


def treats_alike(
    run: Operation,
    inputs: Mapping[str, tuple[Tensor, Tags]],
    output: Tags,
    orders: Mapping[int, np.ndarray],
) -> bool:
    """Tell whether units in another order give the same output in that order."""
    plain = {name: value for name, (value, _) in inputs.items()}
    moved = {name: _reordered(value, tags, orders) for name, (value, tags) in inputs.items()}
    expected, got = _reordered(run(plain), output, orders), run(moved)
    return torch.allclose(expected, got, rtol=0, atol=_TOLERANCE * float(expected.abs().max() + 1e-12))


def _reordered(value: Tensor, tags: Tags, orders: Mapping[int, np.ndarray]) -> Tensor:
    return value.index_select(tags.dim, torch.from_numpy(tags.axis.order(orders)))


def _sources(run: Operation, values: Mapping[str, Tensor], name: str, dim: int) -> np.ndarray:
    """Return, for each element of the output, which position of an input it depends on.

    Positions are told apart by the digits of their numbers: in each run those with one digit are NaN.
    """
    size = values[name].shape[dim]
    numbers = torch.arange(size)
    digits = max(1, (size - 1).bit_length())
    owner: np.ndarray | np.int32 = np.int32(0)
    several: np.ndarray | bool = False
    nothing: np.ndarray | bool = True
    for digit in range(digits):
        marks = [_marked(run, values, name, dim, (numbers >> digit) % 2 == wanted) for wanted in (1, 0)]
        owner = owner + (marks[0].astype(np.int32) << digit)
        several = several | (marks[0] & marks[1])
        nothing = nothing & ~(marks[0] | marks[1])
    return np.where(several, _SEVERAL, np.where(nothing, _NOTHING, owner))


def _marked(run: Operation, values: Mapping[str, Tensor], name: str, dim: int, where: Tensor) -> np.ndarray:
    marked = values[name].clone()
    marked.index_fill_(dim, where.nonzero()[:, 0], torch.nan)
    found: np.ndarray = run({**values, name: marked})[:1].isnan().numpy()  # all images of a batch are treated alike
    return found


def _along_one_dimension(sources: np.ndarray) -> tuple[int, np.ndarray] | None:
    """Return the dimension along which all sources lie, and them; ``None`` where they do not lie so."""
    if bool((sources == _SEVERAL).any()) or bool((sources == _NOTHING).all()):
        return None
    for dim in range(1, sources.ndim):
        along = np.moveaxis(sources, dim, 0).reshape(sources.shape[dim], -1)
        if bool((along == along[:, :1]).all()):
            return dim, along[:, 0]
    return None
