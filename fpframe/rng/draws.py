"""`Draws`: choices that a seed makes, each by a name of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from fpframe.rng.seeds import derive_seed

T = TypeVar("T")


class Draws:
    """Choose by a seed, so that the same seed and name always give the same choice.

    Every choice has a name, and depends on no other: one more of them, or another order, changes none. Unlike what
    torch and numpy draw, choices are the same in every release of these.

    Args:
        seed: decides every choice.
        path: further names, which stand before that of each choice.
    """

    def __init__(self, seed: int, *path: object) -> None:
        self._seed = derive_seed(seed, *path)

    def one_of(self, name: str, options: Sequence[T]) -> T:
        """Return one of some options; one that is listed twice is twice as likely."""
        return options[derive_seed(self._seed, name) % len(options)]

    def whole(self, name: str, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + derive_seed(self._seed, name) % (high - low + 1)

    def number(self, name: str, low: float, high: float, *, decimals: int = 2) -> float:
        """Return a number from `low` to `high` with a few decimals."""
        return round(low + (high - low) * derive_seed(self._seed, name) / 2**63, decimals)
