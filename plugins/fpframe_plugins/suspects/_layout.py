"""In which order of axes a library's model takes its images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

import fpframe

#: Sizes that stand for any size.
_FREE = (None, -1)


def laid_out(
    request: fpframe.SuspectRequest, shape: Sequence[int | None], *, last: bool = False
) -> Callable[[Tensor], Tensor] | None:
    """Return what brings prepared images into the shape in which a model takes each; ``None`` where none does.

    Args:
        request: how images are prepared; without a word about it, channels come first.
        shape: of one image, ``None`` or -1 where any size is taken.
        last: whether the model's library puts channels last where the shape leaves both open.
    """
    channels, height, width = request.prepared_shape
    first_last = (channels, height, width), (height, width, channels)
    is_last = request.preparation.layout == "nhwc"
    kept, other = first_last[::-1] if is_last else first_last
    fits_kept, fits_other = _fits(shape, kept), _fits(shape, other)
    if fits_other and (not fits_kept or (last and not is_last)):
        return (lambda images: images.permute(0, 3, 1, 2)) if is_last else (lambda images: images.permute(0, 2, 3, 1))
    if fits_kept:
        return lambda images: images
    return (lambda images: images.flatten(1)) if _fits(shape, [channels * height * width]) else None


def _fits(shape: Sequence[int | None], size: Sequence[int]) -> bool:
    return len(shape) == len(size) and all(
        given in _FREE or given == need for given, need in zip(shape, size, strict=True)
    )
