"""Arrays of numbers in whatever library's form, as tensors that share no memory with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fpframe.models.answers.unread import UnreadError


def as_tensor(answer: Any) -> Tensor | None:
    """Return an array of numbers as a tensor on the CPU; ``None`` where it is something else.

    Raises:
        UnreadError: it holds complex numbers, or is sparse.
    """
    if isinstance(answer, Tensor):
        return _dense(answer)
    if hasattr(answer, "nnz") and hasattr(answer, "toarray"):
        raise UnreadError("the model answers with a sparse matrix", "let it return a dense array")
    if hasattr(answer, "__array__") or isinstance(answer, bool | int | float | complex):
        return _from_array(np.asarray(answer))
    return None


def _dense(answer: Tensor) -> Tensor:
    if answer.layout != torch.strided:
        raise UnreadError("the model answers with a sparse tensor", "let it return a dense one")
    if answer.is_complex():
        raise UnreadError("the model answers with complex numbers", "let it return real ones")
    if answer.is_quantized:
        answer = answer.dequantize()
    answer = answer.detach().to("cpu", copy=True)  # a model may hand out the same memory with every batch
    return answer.to(torch.uint8) if answer.dtype == torch.bool else answer


def _from_array(array: np.ndarray) -> Tensor | None:
    if array.dtype.kind == "c":
        raise UnreadError("the model answers with complex numbers", "let it return real ones")
    if array.dtype.kind == "O" and array.size and all(isinstance(value, int | float) for value in array.flat):
        array = array.astype(np.float64)
    if array.dtype.kind not in "fiub":
        return None
    if array.dtype.kind == "f":
        return torch.from_numpy(np.array(array, dtype=np.float64 if array.dtype.itemsize > 4 else np.float32))
    return torch.from_numpy(np.array(array, dtype=np.uint8 if array.dtype.kind == "b" else np.int64))
