"""Image files as arrays, with what a reader should know of how they were read.

Not a plugin: `folder` uses it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from PIL import Image

import fpframe
from fpframe.errors import first_line
from fpframe_plugins.datasets._modes import MODES

#: Decoding releases the interpreter lock; more threads than this gain little.
_READERS = 4
#: Pillow goes by content and not by name; others of its formats start programs, such as Ghostscript.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
#: Where a file says how the camera was held.
_ORIENTATION = 0x0112
#: Bits of detectors whose values lie in whole numbers of 16 bits.
_DEPTHS = (8, 10, 12, 14, 16)

_FRAMES = "have several frames, of which the first was read"
_TURNED = "have an EXIF orientation, which was not applied, as in Pillow, torchvision and timm"
_UPPER = "have 16 bits in each channel, of which the upper 8 were read"
_OPAQUE = "have transparent pixels, which count with the colour that is stored for them"


@attrs.frozen(eq=False)
class Decoded:
    """One file.

    Attributes:
        values: ``(H, W)`` or ``(H, W, 3)``: uint8, or for more than 8 bits integers or floats as they are stored.
        remarks: what was left out or converted.
    """

    values: Any
    remarks: tuple[str, ...] = ()


def read_images(paths: Sequence[Path], base: Path, address: str) -> tuple[Any, tuple[fpframe.Note, ...]]:
    """Return uint8 images ``(N, C, H, W)``, and notes, which name files relative to `base`.

    Raises:
        DataError: a file cannot be read, is of a mode that is refused, or of another size; or the range of values
            tells no scale.
    """
    with ThreadPoolExecutor(_READERS) as readers:
        found = list(readers.map(lambda path: _decode(path, address), paths))
    _require_one_size(found, paths, address)
    remarks = [(remark, path) for path, each in zip(paths, found, strict=True) for remark in each.remarks]
    images, scaled = _scaled([each.values for each in found], paths, address)
    remarks += scaled
    if any(image.ndim == 3 for image in images):
        images = [image if image.ndim == 3 else np.repeat(image[..., None], 3, 2) for image in images]
        return np.stack(images).transpose(0, 3, 1, 2), _notes(remarks, base, len(paths))
    return np.stack(images)[:, None], _notes(remarks, base, len(paths))


def _decode(path: Path, address: str) -> Decoded:
    try:
        with Image.open(path, formats=_FORMATS) as image:
            mode = MODES.get(image.mode)
            if mode is None or not mode.becomes:
                remedy = mode.remedy if mode is not None else "convert it to grey (L) or colour (RGB)"
                raise fpframe.DataError(f"{path} is an image of mode {image.mode} ({address}); {remedy}")
            remarks = [mode.note] if mode.note else []
            if mode.becomes != "levels" and ";16" in str(getattr(image, "tile", "")):
                remarks.append(_UPPER)
            if getattr(image, "n_frames", 1) > 1:
                remarks.append(_FRAMES)
            if _orientation(image) not in (0, 1):
                remarks.append(_TURNED)
            if mode.becomes != "levels" and _transparent(image):
                remarks.append(_OPAQUE)
            converted: Image.Image = image
            for step in mode.through:
                converted = converted.convert(step)
            return Decoded(np.array(converted), tuple(remarks))
    except fpframe.DataError:
        raise
    except Exception as error:  # decoders fail in many ways on damaged files
        raise fpframe.DataError(
            f"cannot read {path}: {first_line(error)} ({address}); replace or delete the file"
        ) from error


def _orientation(image: Image.Image) -> int:
    """Return how the camera was held; 1 is upright, and what is taken where the EXIF data cannot be read."""
    with contextlib.suppress(Exception):  # Pillow fails in many ways on them, and the pixels may be sound
        return int(image.getexif().get(_ORIENTATION, 1))
    return 1


def _transparent(image: Image.Image) -> bool:
    """Tell whether a pixel is not opaque."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return False
    return bool(np.array(image.convert("RGBA"))[..., 3].min() < 255)


def _require_one_size(found: Sequence[Decoded], paths: Sequence[Path], address: str) -> None:
    height, width = found[0].values.shape[:2]
    for path, each in zip(paths, found, strict=True):
        if each.values.shape[:2] != (height, width):
            raise fpframe.DataError(
                f"{path} has {each.values.shape[1]}x{each.values.shape[0]} pixels where {paths[0]} has "
                f"{width}x{height} ({address}); resize all images to one size"
            )


def _scaled(images: Sequence[Any], paths: Sequence[Path], address: str) -> tuple[list[Any], list[tuple[str, Path]]]:
    """Return the images with those of more than 8 bits scaled to 8, and what was done.

    All that are stored as integers are scaled alike, and all that are stored as floats: one image alone does not tell
    the scale, for a dark one has no large value.
    """
    result, remarks = list(images), []
    for kinds in ("iu", "f"):
        deep = [at for at, image in enumerate(images) if image.dtype != np.uint8 and image.dtype.kind in kinds]
        if not deep:
            continue
        low, high, top = _range([images[at] for at in deep], [paths[at] for at in deep], address)
        for at in deep:
            result[at] = np.rint(images[at].astype(np.float64) * (255 / top)).astype(np.uint8)
        remark = f"have more than 8 bits, with values from {low:g} to {high:g}; 0 to {top:g} became 0 to 255"
        remarks += [(remark, paths[at]) for at in deep]
    return result, remarks


def _range(images: Sequence[Any], paths: Sequence[Path], address: str) -> tuple[float, float, float]:
    """Return the smallest and the largest value, and the one that becomes 255."""
    for image, path in zip(images, paths, strict=True):
        if not np.isfinite(image).all():
            raise fpframe.DataError(
                f"{path} has values that are not finite ({address}); replace them, and scale to floats from 0 to 1"
            )
    low, high = min(float(image.min()) for image in images), max(float(image.max()) for image in images)
    whole = all(bool((image == np.rint(image)).all()) for image in images)
    top = _top(low, high, floats=images[0].dtype.kind == "f", whole=whole)
    if top is None:
        raise fpframe.DataError(
            f"{paths[0]} and {len(paths) - 1} more have {'whole' if whole else 'fractional'} values from {low:g} to "
            f"{high:g} ({address}); scale them to floats from 0 to 1, or to whole numbers of 8 or 16 bits"
        )
    return low, high, top


def _top(low: float, high: float, *, floats: bool, whole: bool) -> float | None:
    """Return the value that becomes 255; ``None`` where the range tells none."""
    if low < 0:
        return None
    if floats and high <= 1:
        return 1.0
    if not whole:
        return None
    return next((2.0**bits - 1 for bits in _DEPTHS if high < 2**bits), None)


def _notes(remarks: Iterable[tuple[str, Path]], base: Path, count: int) -> tuple[fpframe.Note, ...]:
    """Return one note for each kind of remark, with the first file that it is about."""
    kinds: dict[str, list[Path]] = {}
    for remark, path in remarks:
        kinds.setdefault(remark, []).append(path)
    return tuple(
        fpframe.Note(
            "images-converted", f"{len(paths)} of {count} images {remark} (such as {min(paths).relative_to(base)})."
        )
        for remark, paths in sorted(kinds.items())
    )
