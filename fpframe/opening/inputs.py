"""`TakenInput`: the input of an exported network, and how images become it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import attrs
import torch
from torch import Tensor

from fpframe.base import Note
from fpframe.errors import ModelError, UsageError
from fpframe.interfaces import SuspectRequest
from fpframe.models import GREY, NCHW, NHWC, RGB, Channels, Classifier, Preparation
from fpframe.opening.inprocess import normaliser
from fpframe.opening.layouts import COLOURS, Axes, colour, find_axes, written

_FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
#: What images with so many channels are called in a preparation.
_KNOWN: Mapping[int, Channels] = {1: GREY, 3: RGB}
#: Whole numbers that hold pixels from 0 to 255.
_WHOLE = (torch.uint8, torch.int16, torch.int32, torch.int64)


@attrs.frozen(kw_only=True, eq=False)
class TakenInput:
    """The input of an exported network, and how images become it.

    Attributes:
        request: the caller's, whose preparation is completed by what the file says.
        shape: sizes of the axes after the first one; ``None`` where they are free.
        dtype: element type.
        batch: images that it takes at once; ``None`` for any number.
        notes: what was read from the file, and done to images for it.
    """

    request: SuspectRequest
    shape: tuple[int | None, ...]
    dtype: torch.dtype
    batch: int | None
    notes: tuple[Note, ...]
    _prepare: Classifier = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_prepare", normaliser(self.request))

    def __call__(self, pixels: Tensor) -> Tensor:
        """Return what the network takes for pixels ``(N, C, H, W)`` in [0, 1].

        Raises:
            ModelError: prepared pixels do not fit into the whole numbers that it takes.
        """
        images: Tensor = self._prepare.to(pixels.device)(pixels)
        if len(self.shape) == 2:
            images = images.reshape(len(images), *self.request.prepared_shape[1:])
        elif len(self.shape) == 1:
            images = images.flatten(1)
        if self.dtype.is_floating_point:
            return images.to(self.dtype)
        images, bounds = images.round(), torch.iinfo(self.dtype)
        if len(images) and not bounds.min <= float(images.min()) <= float(images.max()) <= bounds.max:
            raise ModelError(
                f"prepared pixels from {float(images.min()):g} to {float(images.max()):g} are not numbers from "
                f"{bounds.min} to {bounds.max}, which the suspect takes ({self.request.address}); say another scale, "
                "mean or std in --input"
            )
        return images.to(self.dtype)


def take_input(
    shape: Sequence[int | None],
    dtype: torch.dtype | None,
    request: SuspectRequest,
    *,
    names: Sequence[str | None] = (),
) -> TakenInput:
    """Return how images become the input of an exported network, as its file and the request say.

    What the request leaves open is taken from the file: channels that come last, other colours, and pixels from 0 to
    255 where the network takes whole numbers. Each is a note.

    Args:
        shape: the input's dimensions, ``None`` where they are free.
        dtype: its element type, ``None`` for one that torch does not know.
        request: what the images will be like.
        names: what the file calls the dimensions.

    Raises:
        ModelError: images of the request do not fit.
        UsageError: something has to be said about them first.
    """
    where = request.address
    if dtype is None or dtype not in (*_FLOATS, *_WHOLE, torch.int8):
        raise ModelError(f"the suspect does not take images of floats or whole numbers ({where}); export it again")
    if not 2 <= len(shape) <= 4:
        raise ModelError(
            f"the suspect takes input with {len(shape)} dimensions where images have 4: count, channels, height, width "
            f"({where}); export it for images"
        )
    batch, *axes = shape
    said, notes = request.preparation, list[Note]()
    if len(axes) == 3:
        names = [*names, None, None, None, None][1:4]
        found = find_axes(axes, said.shape(request.image_shape), said=said.layout, names=names, address=where)
        whole = _in_colours(_laid_out(said, found, notes), found, request, notes)
        _check_size(found, attrs.evolve(request, preparation=whole))
    else:
        whole = said
        _check_flat(axes, request, notes)
    whole = _in_range(whole, dtype, where, notes)
    return TakenInput(
        request=attrs.evolve(request, preparation=whole),
        shape=tuple(axes),
        dtype=dtype,
        batch=batch,
        notes=tuple(notes),
    )


def _laid_out(said: Preparation, found: Axes, notes: list[Note]) -> Preparation:
    if said.layout or found.layout == NCHW:
        return said
    notes.append(_note("takes channels last, and got them last (layout=nhwc)"))
    return attrs.evolve(said, layout=NHWC)


def _in_colours(said: Preparation, found: Axes, request: SuspectRequest, notes: list[Note]) -> Preparation:
    """Return the preparation with the colours that the file asks for, where nobody said others."""
    channels = said.shape(request.image_shape)[0]
    if found.channels in (None, channels):
        return said
    known = _KNOWN.get(found.channels or 0)
    if known is None or said.channels or channels not in COLOURS:
        raise ModelError(
            f"the suspect takes {colour(found.channels)} images where it would get {colour(channels)} ones "
            f"({request.address}); say which colours in --input, as in --input grey"
        )
    done = "grey images were repeated in each colour (rgb)" if known == "rgb" else "colours became their luma (grey)"
    notes.append(_note(f"takes {colour(found.channels)} images, and {done}"))
    return attrs.evolve(said, channels=known)


def _check_size(found: Axes, request: SuspectRequest) -> None:
    height, width = request.prepared_shape[1:]
    if found.height in (None, height) and found.width in (None, width):
        return
    edges = found.height or height, found.width or width
    advice = f"{edges[0]}" if edges[0] == edges[1] and height == width else f"{edges[0]}x{edges[1]}"
    raise ModelError(
        f"the suspect takes images of {edges[0]} x {edges[1]} pixels where it would get {height} x {width} "
        f"({request.address}); say how they are resized, as in --input resize={advice},bilinear,antialias"
    )


def _check_flat(axes: Sequence[int | None], request: SuspectRequest, notes: list[Note]) -> None:
    """Refuse input without an axis of its own for channels, unless it is images whose numbers are in a known order."""
    channels, height, width = request.prepared_shape
    wanted = [channels * height * width] if len(axes) == 1 else [height, width]
    fits = all(given in (None, want) for given, want in zip(axes, wanted, strict=True))
    if not fits or (len(axes) == 2 and channels != 1):
        raise ModelError(
            f"the suspect takes input of shape {written(axes)} after the count, where it would get images of shape "
            f"{request.prepared_shape} ({request.address}); export it for images, or say how they are prepared, as in "
            "--input 'grey; resize=28'"
        )
    if channels != 1 and not request.preparation.layout:
        raise UsageError(
            f"the suspect takes {axes[0] or wanted[0]} numbers for an image, in which channels may come first or last "
            f"({request.address}); say --input layout=nchw or --input layout=nhwc"
        )
    notes.append(_note("takes images without an axis for channels, and got their pixels row by row"))


def _in_range(said: Preparation, dtype: torch.dtype, where: str, notes: list[Note]) -> Preparation:
    """Return the preparation with pixels from 0 to 255 where the network takes whole numbers."""
    if dtype.is_floating_point:
        return said
    name = str(dtype).removeprefix("torch.")
    if said.normalises:
        if math.isclose(said.scale, 1):
            raise UsageError(
                f"'mean' and 'std' do not apply to pixels from 0 to 1 of a suspect that takes whole numbers ({where}); "
                "leave them out, or say scale=255 too"
            )
        return said
    if dtype == torch.int8:
        raise UsageError(
            f"the suspect takes numbers from -128 to 127 ({where}), which may stand for pixels in several ways; say "
            "--input 'scale=255; mean=128' or --input scale=127"
        )
    notes.append(_note(f"takes {name}, and got pixels from 0 to 255 (scale=255)"))
    return attrs.evolve(said, scale=255)


def _note(text: str) -> Note:
    return Note("preparation-from-file", f"By its file the suspect {text}; nobody said otherwise.")
