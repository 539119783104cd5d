"""NumPy's arrays in a pickle, read as the bytes that they are: none of NumPy's own functions for that is called."""

from __future__ import annotations

import math
import re
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

#: Numbers of a fixed size, as NumPy abbreviates them.
_NUMBERS = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")


class DataType:
    """The type of an array's elements."""

    def __init__(self, code: object = "", *_: object) -> None:
        self._code = str(code)
        self._order: Literal["<", ">", "="] = "<"

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] in (">", "="):
            self._order = state[1]

    def of_numpy(self) -> np.dtype[Any]:
        """Return it.

        Raises:
            ValueError: its elements are no plain numbers.
        """
        if not _NUMBERS.fullmatch(self._code):
            raise ValueError(f"an array of {self._code[:20]}")
        return np.dtype(self._code).newbyteorder(self._order)


class Array:
    """An array of numbers, as a pickle describes it."""

    def __init__(self, state: object = None) -> None:
        self._state = state

    def __setstate__(self, state: object) -> None:
        self._state = state

    def tensor(self) -> Tensor:
        """Return its numbers.

        Raises:
            ValueError: they are none, or not as many as it says.
        """
        if not isinstance(self._state, tuple) or len(self._state) != 5:
            raise ValueError("an array without content")
        _, shape, kind, fortran, content = self._state
        content = content.encode("latin1") if isinstance(content, str) else content
        if not isinstance(kind, DataType) or not isinstance(content, bytes | bytearray):
            raise ValueError("an array without numbers")
        shape = tuple(map(int, shape))
        if min(shape, default=0) < 0 or math.prod(shape) * kind.of_numpy().itemsize != len(content):
            raise ValueError("an array of another length than it says")
        found = np.frombuffer(content, kind.of_numpy()).reshape(shape, order="F" if fortran else "C")
        return torch.from_numpy(np.array(found, dtype=found.dtype.newbyteorder("="), order="C"))
