"""`fold`: the weights that torch's tools for pruning and for norms have taken apart, put together again.

Pruning (`torch.nn.utils.prune`) keeps ``weight_orig`` and ``weight_mask``; weight norm keeps a length and a direction;
spectral norm keeps a weight with the two vectors that tell its largest singular value. Each is what the network
computes before it answers, so that the folded network gives the same answers in evaluation mode.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import attrs
from torch import Tensor

#: Parts to be put together, in the order in which `_make` of their kind takes them.
Make = Callable[..., Tensor]


@attrs.frozen
class Folded:
    """A weight that is made of parts.

    Attributes:
        tool: what took it apart, for people.
        parts: full names of the parts.
        make: puts them together.
        main: the part that has the shape of the whole.
    """

    tool: str
    parts: tuple[str, ...]
    make: Make
    main: str


def fold(names: Mapping[str, Tensor]) -> dict[str, Folded]:
    """Return by full name the weights that can be put together of tensors with these names.

    Args:
        names: by full name, tensors of which only the shapes are looked at.
    """
    return {whole: folded for name in names for whole, folded in _of(name, names)}


def _of(name: str, names: Mapping[str, Tensor]) -> Iterator[tuple[str, Folded]]:
    """Yield what is made of a part, where the part is the main one."""
    for pattern, siblings, tool, make in _TOOLS:
        match = pattern.fullmatch(name)
        if match is None:
            continue
        place, whole = match["place"], match["name"]
        parts = [name, *(f"{place}{sibling.format(name=whole)}" for sibling in siblings)]
        if all(part in names for part in parts):
            yield f"{place}{whole}", Folded(tool, tuple(parts), make, name)
            return


def _masked(weight: Tensor, mask: Tensor) -> Tensor:
    return weight * mask.to(weight.dtype)


def _weight_norm(direction: Tensor, length: Tensor) -> Tensor:
    """Return the weight; the length has one number for each slice whose norm it is, or one for all."""
    exact = direction.double()
    others = [axis for axis in range(direction.ndim) if length.ndim != direction.ndim or length.shape[axis] == 1]
    norm = exact.square().sum(dim=others, keepdim=True).sqrt() if others else exact.abs()
    return (exact * (length.double() / norm)).to(direction.dtype)


def _spectral_norm(weight: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Return the weight, divided by its largest singular value.

    The matrix is the weight with one axis against all others, the first one but for transposed convolutions. No pair
    of unit vectors gives more than the pair that belongs to the matrix, so that this one tells the axis.
    """
    exact = weight.double()
    values = [
        (left.double() @ exact.movedim(axis, 0).flatten(1) @ right.double()).abs()
        for axis in range(min(weight.ndim, 2))
        if weight.shape[axis] == len(left) and weight.numel() // weight.shape[axis] == len(right)
    ]
    return (exact / max(values)).to(weight.dtype)


_PLACE, _NAME = r"(?P<place>(?:.*\.)?)", r"(?P<name>[^.]+?)"
_PARAMETRIZED = rf"{_PLACE}parametrizations\.{_NAME}"
#: The name of the main part, those of its siblings, what made them, and how they are put together.
_TOOLS: tuple[tuple[re.Pattern[str], tuple[str, ...], str, Make], ...] = (
    (re.compile(rf"{_PLACE}{_NAME}_orig"), ("{name}_mask",), "pruning", _masked),
    (re.compile(rf"{_PLACE}{_NAME}_orig"), ("{name}_u", "{name}_v"), "spectral norm", _spectral_norm),
    (re.compile(rf"{_PLACE}{_NAME}_v"), ("{name}_g",), "weight norm", _weight_norm),
    (
        re.compile(rf"{_PARAMETRIZED}\.original1"),
        ("parametrizations.{name}.original0",),
        "weight norm",
        _weight_norm,
    ),
    (
        re.compile(rf"{_PARAMETRIZED}\.original"),
        ("parametrizations.{name}.0._u", "parametrizations.{name}.0._v"),
        "spectral norm",
        _spectral_norm,
    ),
    (re.compile(rf"{_PARAMETRIZED}\.original"), ("parametrizations.{name}.0.mask",), "pruning", _masked),
)
