"""`ImageView`: some of many 8-bit images, by their numbers; they are read batch by batch and not copied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import attrs
import torch
from torch import Tensor

from fpframe.store import Mapped, mapped_meanwhile, mapped_once

#: Bytes of images up to which they lie in memory: a file would save nothing.
SMALL = 1 << 24
#: Images that are looked at together where their number does not matter.
_BATCH = 256


class Readable(Protocol):
    """What is split into batches: a tensor, or what makes tensors when they are read."""

    def __len__(self) -> int: ...

    def split(self, size: int, /) -> Sequence[Tensor]:
        """Return batches of `size` rows, the last one smaller."""
        ...


@attrs.frozen(eq=False)
class ImageView:
    """8-bit images ``(N, C, H, W)``: all of some tensors and mapped files, one after the other, or some of these.

    Attributes:
        sources: uint8 ``(M, C, H, W)`` each.
        index: int64 ``(N,)``, which of their images these are, counted through all sources; ``None`` for all.
    """

    sources: tuple[Tensor | Mapped, ...]
    index: Tensor | None = None

    def __len__(self) -> int:
        return sum(source.shape[0] for source in self.sources) if self.index is None else len(self.index)

    @property
    def shape(self) -> torch.Size:
        """The shape ``(N, C, H, W)``."""
        return torch.Size((len(self), *self.sources[0].shape[1:]))

    @property
    def dtype(self) -> torch.dtype:
        """The type of the values."""
        return next((source.dtype for source in self.sources if isinstance(source, Tensor)), torch.uint8)

    def part(self, index: Tensor | slice) -> ImageView:
        """Return a view of some of these images: by their numbers, by a mask, or as a slice."""
        if self.index is not None:
            return ImageView(self.sources, self.index[index])
        if isinstance(index, slice):
            return ImageView(self.sources, torch.arange(*index.indices(len(self))))
        # numbers on a GPU choose among images there
        return ImageView(self.sources, torch.arange(len(self), device=index.device)[index])

    def joined(self, *others: ImageView) -> ImageView:
        """Return a view of these images and then the others."""
        sources = list(self.sources)
        views = (self, *others)
        for source in (source for view in others for source in view.sources):
            if not any(source is known for known in sources):
                sources.append(source)
        starts = dict(zip(map(id, sources), _starts(sources), strict=True))
        return ImageView(tuple(sources), torch.cat([view._numbers(starts) for view in views]))

    def tensor(self) -> Tensor:
        """Return all images as one tensor, which is a copy where these are not all of one source."""
        tensors = self._tensors()
        if self.index is None:
            return tensors[0] if len(tensors) == 1 else torch.cat(tensors)
        if len(tensors) == 1:
            return tensors[0][self.index]
        made = tensors[0].new_empty(self.shape)
        for start, tensor in zip(_starts(tensors), tensors, strict=True):
            here = (self.index >= start) & (self.index < start + len(tensor))
            made[here] = tensor[self.index[here] - start]
        return made

    def split(self, size: int = _BATCH) -> Batches:
        """Return the images in batches, each of which is read when it is asked for."""
        return Batches(len(self), size, lambda start, stop: self.part(slice(start, stop)).tensor())

    def _tensors(self) -> list[Tensor]:
        return [source if isinstance(source, Tensor) else torch.from_numpy(source.array) for source in self.sources]

    def _numbers(self, starts: dict[int, int]) -> Tensor:
        """Return which images these are in a longer row of sources, by where each source begins in that."""
        numbers = torch.arange(len(self)) if self.index is None else self.index
        own = _starts(self.sources)
        made = torch.empty_like(numbers)
        for start, source in zip(own, self.sources, strict=True):
            here = (numbers >= start) & (numbers < start + source.shape[0])
            made[here] = numbers[here] - start + starts[id(source)]
        return made


def as_view(images: Tensor | ImageView) -> ImageView:
    """Return a view of all of some images."""
    return images if isinstance(images, ImageView) else ImageView((images,))


@attrs.frozen(eq=False)
class Batches(Sequence[Tensor]):
    """Batches of rows, each made when it is asked for.

    Attributes:
        rows: how many there are in all.
        size: how many a batch has; the last one has the rest.
        read: from the first row and the one after the last to a batch.
    """

    rows: int
    size: int
    read: Callable[[int, int], Tensor]

    def __len__(self) -> int:
        return -(-self.rows // self.size)

    def __getitem__(self, number: Any) -> Any:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        if not -len(self) <= number < len(self):
            raise IndexError(number)
        start = (number % len(self)) * self.size
        return self.read(start, min(start + self.size, self.rows))

    def __iter__(self) -> Iterator[Tensor]:
        return (self[number] for number in range(len(self)))


def keep_images(
    identity: Any, shape: tuple[int, ...], fill: Callable[[Any], Sequence[Any]]
) -> tuple[ImageView, Sequence[Any]]:
    """Return 8-bit images that a data set is made of, read once: they lie in a file of the store and never in memory.

    Few images lie in memory all the same, and are read each time.

    Args:
        identity: whatever decides the images, as plain data: such as the paths, sizes and times of files, and a number
            that is raised when they are read otherwise.
        shape: number, channels, height and width.
        fill: writes all images into a uint8 array of this shape, and returns what is to be known of them, as plain
            data such as texts, which is kept with them.

    Raises:
        ResourceError: the disk is full or cannot be written.
    """
    if _product(shape) <= SMALL:
        images = torch.zeros(shape, dtype=torch.uint8)
        told = fill(images.numpy())
        return as_view(images), told
    mapped, told = mapped_once(identity, shape, fill)
    return ImageView((mapped,)), told


def scratch_images(shape: tuple[int, ...], fill: Callable[[Any], None]) -> ImageView:
    """Return 8-bit images that somebody makes for a while, such as a thief's own: many lie in a file, not in memory.

    Args:
        shape: number, channels, height and width.
        fill: writes all images into a uint8 array of this shape.

    Raises:
        ResourceError: the disk is full or cannot be written.
    """
    if _product(shape) <= SMALL:
        images = torch.zeros(shape, dtype=torch.uint8)
        fill(images.numpy())
        return as_view(images)
    return ImageView((mapped_meanwhile(shape, fill),))


def _product(shape: Sequence[int]) -> int:
    return torch.Size(shape).numel()


def _starts(sources: Sequence[Tensor | Mapped]) -> list[int]:
    """Return at which number each source begins."""
    starts = [0]
    for source in sources:
        starts.append(starts[-1] + source.shape[0])
    return starts[:-1]
