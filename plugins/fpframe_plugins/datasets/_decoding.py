"""Image files as arrays, with what a reader should know of how they were read.

Not a plugin: `folder` uses it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import PIL
from PIL import Image

import fpframe
from fpframe.errors import first_line
from fpframe.models import ImageView, keep_images
from fpframe_plugins.datasets._modes import MODES, Mode
from fpframe_plugins.datasets._reading import read_each

#: Raised when files would be decoded to other images, so that those in the store are not taken for these.
_REVISION = 1

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
class Header:
    """What the beginning of a file tells.

    Attributes:
        size: width and height in pixels.
        becomes: ``grey``, ``colour`` or ``levels``, as in `Mode`.
    """

    size: tuple[int, int]
    becomes: str


@attrs.frozen
class Span:
    """From which to which value an image of more than 8 bits goes, and whether all of its values are whole."""

    low: float
    high: float
    whole: bool = attrs.field(kw_only=True)


@attrs.frozen
class Scale:
    """From which to which value some images go, and what becomes 255."""

    low: float
    high: float
    top: float


@attrs.frozen(eq=False)
class Decoded:
    """One file.

    Attributes:
        values: ``(H, W)`` or ``(H, W, 3)``: uint8, or for more than 8 bits integers or floats as they are stored.
        remarks: what was left out or converted.
    """

    values: Any
    remarks: tuple[str, ...] = ()


def read_images(paths: Sequence[Path], base: Path, address: str) -> tuple[ImageView, tuple[fpframe.Note, ...]]:
    """Return 8-bit images ``(N, C, H, W)``, and notes, which name files relative to `base`.

    They are decoded one by one, into a file of the store where they are many, and not again as long as the files stay
    as they are.

    Raises:
        DataError: a file cannot be read, is of a mode that is refused, or of another size; or the range of values
            tells no scale.
        ResourceError: there is no room for them in the store.
    """
    headers = list(read_each(lambda path: _header(path, address), paths))
    _require_one_size(headers, paths, address)
    width, height = headers[0].size
    channels = 3 if any(header.becomes == "colour" for header in headers) else 1
    deep = [path for path, header in zip(paths, headers, strict=True) if header.becomes == "levels"]
    del headers

    def fill(images: Any) -> list[str]:
        scales = _scales(deep, address)
        found = read_each(lambda at: _decode_into(images[at], paths[at], scales, address), range(len(paths)))
        remarks = [(remark, path) for path, each in zip(paths, found, strict=True) for remark in each]
        return _sentences(remarks, base, len(paths))

    identity = ["folder", _REVISION, PIL.__version__, [_identity(path, base, address) for path in paths]]
    images, sentences = keep_images(identity, (len(paths), channels, height, width), fill)
    return images, tuple(fpframe.Note("images-converted", sentence) for sentence in sentences)


def _identity(path: Path, base: Path, address: str) -> list[Any]:
    """Return what tells whether a file is still as it was; its time of change can hardly be set back."""
    with _refusing(path, address):
        found = path.stat()
    return [str(path.relative_to(base)), found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


@contextlib.contextmanager
def _refusing(path: Path, address: str) -> Iterator[None]:
    """Say of whatever fails inside the block that the file cannot be read."""
    try:
        yield
    except fpframe.DataError:
        raise
    except Exception as error:  # decoders fail in many ways on damaged files
        raise fpframe.DataError(
            f"cannot read {path}: {first_line(error)} ({address}); replace or delete the file"
        ) from error


def _header(path: Path, address: str) -> Header:
    with _refusing(path, address), Image.open(path, formats=_FORMATS) as image:
        return Header(image.size, _mode(image, path, address).becomes)


def _mode(image: Image.Image, path: Path, address: str) -> Mode:
    mode = MODES.get(image.mode)
    if mode is None or not mode.becomes:
        remedy = mode.remedy if mode is not None else "convert it to grey (L) or colour (RGB)"
        raise fpframe.DataError(f"{path} is an image of mode {image.mode} ({address}); {remedy}")
    return mode


def _decode(path: Path, address: str) -> Decoded:
    with _refusing(path, address), Image.open(path, formats=_FORMATS) as image:
        mode = _mode(image, path, address)
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


def _decode_into(place: Any, path: Path, scales: Mapping[str, Scale], address: str) -> list[str]:
    """Write an image into its place ``(C, H, W)`` and return what was done to it."""
    decoded = _decode(path, address)
    values, remarks = decoded.values, list(decoded.remarks)
    if values.dtype != np.uint8:
        scale = scales[_kind(values)]
        values = np.rint(values.astype(np.float64) * (255 / scale.top)).astype(np.uint8)
        remarks.append(
            f"have more than 8 bits, with values from {scale.low:g} to {scale.high:g}; 0 to "
            f"{scale.top:g} became 0 to 255"
        )
    place[:] = values.transpose(2, 0, 1) if values.ndim == 3 else values
    return remarks


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


def _require_one_size(headers: Sequence[Header], paths: Sequence[Path], address: str) -> None:
    width, height = headers[0].size
    for path, header in zip(paths, headers, strict=True):
        if header.size != (width, height):
            raise fpframe.DataError(
                f"{path} has {header.size[0]}x{header.size[1]} pixels where {paths[0]} has {width}x{height} "
                f"({address}); resize all images to one size"
            )


def _kind(values: Any) -> str:
    return "floats" if values.dtype.kind == "f" else "integers"


def _scales(paths: Sequence[Path], address: str) -> dict[str, Scale]:
    """Return what becomes 255 in images of more than 8 bits, by their kind.

    All that are stored as integers are scaled alike, and all that are stored as floats: one image alone does not tell
    the scale, for a dark one has no large value.
    """
    found: dict[str, list[tuple[Path, Span]]] = {}
    for path, (kind, span) in zip(paths, read_each(lambda path: _span(path, address), paths), strict=True):
        if kind:
            found.setdefault(kind, []).append((path, span))
    return {
        kind: _scale([span for _, span in each], [path for path, _ in each], floats=kind == "floats", address=address)
        for kind, each in sorted(found.items(), reverse=True)
    }


def _span(path: Path, address: str) -> tuple[str, Span]:
    """Return the kind of an image of more than 8 bits and its values; no kind where it turns out to have 8."""
    values = _decode(path, address).values
    if values.dtype == np.uint8:
        return "", Span(0, 0, whole=True)
    if not np.isfinite(values).all():
        raise fpframe.DataError(
            f"{path} has values that are not finite ({address}); replace them, and scale to floats from 0 to 1"
        )
    whole = bool((values == np.rint(values)).all())
    return _kind(values), Span(float(values.min()), float(values.max()), whole=whole)


def _scale(spans: Sequence[Span], paths: Sequence[Path], *, floats: bool, address: str) -> Scale:
    """Return the smallest and the largest value, and the one that becomes 255."""
    low, high = min(span.low for span in spans), max(span.high for span in spans)
    whole = all(span.whole for span in spans)
    top = _top(low, high, floats=floats, whole=whole)
    if top is None:
        raise fpframe.DataError(
            f"{paths[0]} and {len(paths) - 1} more have {'whole' if whole else 'fractional'} values from {low:g} to "
            f"{high:g} ({address}); scale them to floats from 0 to 1, or to whole numbers of 8 or 16 bits"
        )
    return Scale(low, high, top)


def _top(low: float, high: float, *, floats: bool, whole: bool) -> float | None:
    """Return the value that becomes 255; ``None`` where the range tells none."""
    if low < 0:
        return None
    if floats and high <= 1:
        return 1.0
    if not whole:
        return None
    return next((2.0**bits - 1 for bits in _DEPTHS if high < 2**bits), None)


def _sentences(remarks: Iterable[tuple[str, Path]], base: Path, count: int) -> list[str]:
    """Return one sentence for each kind of remark, with the first file that it is about."""
    kinds: dict[str, list[Path]] = {}
    for remark, path in remarks:
        kinds.setdefault(remark, []).append(path)
    return [
        f"{len(paths)} of {count} images {remark} (such as {min(paths).relative_to(base)})."
        for remark, paths in sorted(kinds.items())
    ]
