"""`plain_numbers`: weights that were saved as whole numbers with a scale beside them, as the numbers they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from fpframe.opening import Contents

#: What tools call the numbers that whole ones are multiplied by, and the one that stands for zero.
_SCALES, _ZEROS = ("scale", "scales"), ("zero_point", "zero_points", "zp")


def plain_numbers(tensors: Mapping[str, Tensor], full: Mapping[str, str], contents: Contents) -> dict[str, Tensor]:
    """Return tensors as floating-point numbers.

    A scale is one number, or one for each row. Whole numbers without one are taken as they are: a factor for a layer,
    or for each channel, changes no likeness.

    Args:
        tensors: the tensors.
        full: by the same names, their names in the file.
        contents: the file.
    """
    return {
        name: value if value.is_floating_point() else _plain(value, full[name], contents)
        for name, value in tensors.items()
    }


def _plain(value: Tensor, name: str, contents: Contents) -> Tensor:
    zero, scale = (_beside(value, name, words, contents) for words in (_ZEROS, _SCALES))
    found = value.double()
    found = found if zero is None else found - zero
    return found if scale is None else found * scale


def _beside(value: Tensor, name: str, words: tuple[str, ...], contents: Contents) -> Tensor | None:
    """Return numbers that lie beside a tensor, in a shape that multiplies its rows."""
    for candidate in _spelled(name, words):
        if candidate in contents.entries:
            like = contents.entries[candidate].like
            rows = value.shape[0] if value.ndim else 1
            if like.numel() in (1, rows):
                numbers = contents.read([candidate])[candidate].double()
                return numbers.reshape(-1, *(1 for _ in range(value.ndim - 1))) if value.ndim else numbers.reshape(())
    return None


def _spelled(name: str, words: tuple[str, ...]) -> Iterator[str]:
    stem = name.rpartition(".")[0]
    for word in words:
        yield f"{name}_{word}"
        yield f"{name}.{word}"
        yield f"{stem}.{word}".lstrip(".")
