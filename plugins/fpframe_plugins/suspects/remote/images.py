"""Images as a service takes them: numbers in JSON, or files."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image
from torch import Tensor

from fpframe_plugins.suspects.remote.description import RequestForm

#: Digits that give each number in single precision back.
_DIGITS = 9


def as_files(pixels: Tensor, form: RequestForm) -> list[bytes]:
    """Return images ``(N, C, H, W)`` of pixels in [0, 1] as PNG or JPEG files."""
    return [_file(image, form.image) for image in (pixels * 255).round().clamp(0, 255).byte().numpy()]


def as_json(pixels: Tensor, form: RequestForm) -> list[str]:
    """Return images ``(N, C, H, W)`` of pixels in [0, 1] as JSON, each a text."""
    if form.image in ("png", "jpeg"):
        return [f'"{base64.b64encode(file).decode()}"' for file in as_files(pixels, form)]
    images = ordered(pixels, form)
    if form.highest == 255:
        images = images.round()
    # of 8-bit images there are few different numbers, and each is written once
    values, where = np.unique(images, return_inverse=True)
    written = np.array([_number(value) for value in values.tolist()], dtype=object)
    rows = written[where].reshape(images.shape)
    return [_lists(image if form.image == "nested" else image.ravel()) for image in rows]


def ordered(pixels: Tensor, form: RequestForm) -> np.ndarray:
    """Return images with their numbers and dimensions as the service takes them, ``(N, ...)``."""
    images = (pixels * form.highest).numpy()
    if form.layout == "hwc":
        images = images.transpose(0, 2, 3, 1)
    return images.reshape(len(images), -1) if form.layout == "flat" else images


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.{_DIGITS}g}"


def _lists(image: np.ndarray) -> str:
    if image.ndim == 1:
        return f"[{','.join(image)}]"
    return f"[{','.join(map(_lists, image))}]"


def _file(image: np.ndarray, kind: str) -> bytes:
    picture = Image.fromarray(image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0)))
    content = io.BytesIO()
    if kind == "png":
        picture.save(content, "png", compress_level=1)
    else:
        picture.save(content, "jpeg", quality=100, subsampling=0)
    return content.getvalue()
