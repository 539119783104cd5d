"""Arrays of images and labels as people have them: read as what they are, or refused with what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fpframe.errors import DataError, first_line
from fpframe.models.imageview import ImageView

#: Channels that images have in practice; where the last axis has so many and the second has more, channels are last.
_FEW_CHANNELS = 4


def pair(given: Any, part: str, address: str) -> tuple[Any, Any]:
    """Return the images and the labels of a part.

    Raises:
        DataError: they are not a pair.
    """
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise DataError(
            f"the {part} part is a {type(given).__name__} ({address}); give a pair (images, labels) for each part"
        )
    return given[0], given[1]


def image_tensor(given: Any, part: str, address: str) -> Tensor | ImageView:
    """Return uint8 images ``(N, C, H, W)`` of an array, a tensor or a list; what is a view of images stays one.

    Images come as ``(N, C, H, W)`` or ``(N, H, W)``, either uint8 or floats in [0, 1], which are rounded to 8 bits.

    Raises:
        DataError: the shape, the type or the range are others.
    """
    if isinstance(given, ImageView):
        return given
    values = _numbers(given, f"{part} images", "give one array (N, C, H, W) of uint8, or of floats in [0, 1]", address)
    if values.ndim == 3:
        values = values[:, None]
    if values.ndim != 4:
        raise DataError(
            f"{part} images must be uint8 (N, C, H, W), got {values.dtype} {values.shape} ({address}); reshape them, "
            "such as images.reshape(-1, 1, 28, 28)"
        )
    if values.shape[3] <= _FEW_CHANNELS < values.shape[1]:
        raise DataError(
            f"{part} images of shape {values.shape} have their channels last ({address}); put them first: "
            "images.transpose(0, 3, 1, 2), or images.permute(0, 3, 1, 2) of a tensor"
        )
    if values.dtype.kind == "f":
        return torch.from_numpy(_rounded(values, part, address))
    if values.dtype != np.uint8:
        raise DataError(f"{part} images must be uint8 (N, C, H, W), got {_told(values)} ({address}); {_remedy(values)}")
    return torch.from_numpy(np.ascontiguousarray(values))


def label_tensor(given: Any, part: str, address: str) -> Tensor:
    """Return int64 labels ``(N,)`` of an array, a tensor or a list.

    Raises:
        DataError: they are not whole numbers, or there are several for an image.
    """
    remedy = "give the index of each image's class, from 0"
    labels = _numbers(given, f"{part} labels", remedy, address)
    if labels.ndim == 2 and labels.shape[1] > 1:
        raise DataError(
            f"{part} labels have the shape {labels.shape} ({address}); give the index of each image's class, which of "
            "one-hot rows is labels.argmax(1)"
        )
    if labels.dtype.kind == "f" and not bool((labels == np.rint(labels)).all()):
        raise DataError(f"{part} labels must be whole numbers ({address}); {remedy}")
    if labels.size and not -(2**62) < float(labels.min()) <= float(labels.max()) < 2**62:
        raise DataError(f"{part} labels reach {labels.max()} ({address}); {remedy}")
    return torch.from_numpy(labels.astype(np.int64))


def class_names(given: Iterable[str] | None, labels: Iterable[Tensor], address: str) -> tuple[str, ...]:
    """Return the names of the classes; where none are given, the numbers from 0 to the largest label.

    Raises:
        DataError: they are not texts or not different; or none are given and the labels do not count from 0.
    """
    if given is not None:
        return _named(given, address)
    values = torch.cat(list(labels))
    if not len(values):
        return ()
    low, high = int(values.min()), int(values.max())
    if low > 0:
        raise DataError(f"labels begin at {low} ({address}); subtract {low}, or name all classes with 'classes'")
    if high >= len(values):
        raise DataError(
            f"labels reach {high} where there are {len(values)} images ({address}); give the index of each image's "
            "class, from 0 without gaps"
        )
    return tuple(map(str, range(high + 1)))


def _named(given: Any, address: str) -> tuple[str, ...]:
    remedy = "give a list with one text for each class"
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise DataError(f"'classes' is a {type(given).__name__} ({address}); {remedy}")
    names = tuple(given)
    wrong = next((name for name in names if not isinstance(name, str) or not name), None)
    if wrong is not None:
        raise DataError(f"'classes' holds {wrong!r} ({address}); {remedy}")
    twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
    if twice is not None:
        raise DataError(f"'classes' holds '{twice}' twice ({address}); give each class a name of its own")
    return tuple(map(str, names))


def _numbers(given: Any, what: str, remedy: str, address: str) -> np.ndarray[Any, Any]:
    """Return a copy as an array of numbers: whoever writes to the original must not change data with a digest."""
    try:
        values = _array(given)
        if values.dtype.kind == "O":
            values = np.array(values.tolist())
    except Exception as error:  # whatever somebody's object raises when it is asked for its values
        raise DataError(f"{what} cannot be read as one array: {first_line(error)} ({address}); {remedy}") from error
    if values.dtype.kind not in "biuf":
        raise DataError(f"{what} are {_kind(values)} ({address}); {remedy}")
    return values


def _array(given: Any) -> np.ndarray[Any, Any]:
    if isinstance(given, Tensor):
        tensor = given.detach().cpu()
        return np.array((tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy())
    if isinstance(given, np.ma.MaskedArray) and bool(np.ma.getmaskarray(given).any()):
        raise ValueError("some values are masked")
    if isinstance(given, list | tuple) and given and all(isinstance(each, Tensor) for each in given):
        return np.array(torch.stack([each.detach().cpu() for each in given]).numpy())
    if isinstance(given, list | tuple) and any(getattr(each, "mode", None) in ("P", "PA") for each in given):
        raise ValueError("some are numbers of colours in a palette; write image.convert('RGB')")
    return np.array(given)


def _kind(values: np.ndarray[Any, Any]) -> str:
    kinds = {"U": "texts", "S": "texts", "c": "complex numbers", "M": "dates", "m": "times", "O": "objects"}
    return kinds.get(values.dtype.kind, f"of type {values.dtype}")


def _rounded(values: np.ndarray[Any, Any], part: str, address: str) -> np.ndarray[Any, Any]:
    """Return floats in [0, 1] as uint8."""
    if values.dtype == np.float16:  # which has no room for its own products
        values = values.astype(np.float32)
    if values.size and not (float(values.min()) >= 0 and float(values.max()) <= 1):
        raise DataError(
            f"{part} float images must lie in [0, 1], found [{float(values.min()):.4g}, {float(values.max()):.4g}] "
            f"({address}); {_remedy(values)}"
        )
    levels: np.ndarray[Any, Any] = np.rint(values * 255).astype(np.uint8)
    return levels


def _told(values: np.ndarray[Any, Any]) -> str:
    span = f" from {values.min()} to {values.max()}" if values.size else ""
    return f"{values.dtype} {values.shape}{span}"


def _remedy(values: np.ndarray[Any, Any]) -> str:
    """Return how images of another type or range become usable."""
    if values.dtype.kind == "b":
        return "write (255 * images).astype('uint8')"
    low, high = (values.min(), values.max()) if values.size else (0, 0)
    if values.dtype.kind == "f":
        if not np.isfinite([low, high]).all():
            return "replace what is not a finite number"
        return "divide by 255, and leave normalisation to the model"
    if low < 0:
        return "leave normalisation to the model"
    if high > 255:
        return "scale them to the range from 0 to 255 first, such as (images / 257).round().astype('uint8') of 16 bits"
    return "write images.astype('uint8')"
