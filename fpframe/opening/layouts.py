"""In which order a network's input has its axes: told from the shape and the names that its file gives them."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from fpframe.errors import ModelError, UsageError
from fpframe.models import NCHW, NHWC, Layout

#: Numbers of channels that images have.
COLOURS = {1: "grey", 3: "RGB"}
#: How exporters call the axis of channels.
_CHANNELS = ("c", "ch", "channel", "channels", "num_channels", "in_channels")


@attrs.frozen
class Axes:
    """The axes of an input for images.

    Attributes:
        layout: in which order they are.
        channels: number of channels; ``None`` where it is free.
        height: pixels; ``None`` where they are free.
        width: pixels; ``None`` where they are free.
    """

    layout: Layout
    channels: int | None
    height: int | None
    width: int | None

    @classmethod
    def of(cls, layout: Layout, axes: Sequence[int | None]) -> Axes:
        """Return what three axes mean in a layout."""
        first, second, third = axes
        return cls(layout, third, first, second) if layout == NHWC else cls(NCHW, first, second, third)

    def takes(self, shape: tuple[int, int, int]) -> bool:
        """Tell whether images of a shape fit without any change."""
        return all(
            given in (None, wanted)
            for given, wanted in zip((self.channels, self.height, self.width), shape, strict=True)
        )


def find_axes(
    axes: Sequence[int | None],
    shape: tuple[int, int, int],
    *,
    said: Layout,
    names: Sequence[str | None],
    address: str,
) -> Axes:
    """Return what the three axes of an input after the first one are.

    Args:
        axes: their sizes; ``None`` where they are free.
        shape: channels, height and width of the images.
        said: the layout that somebody said; empty for none.
        names: what the file calls the axes.
        address: of the suspect, for messages.

    Raises:
        UsageError: it may be either layout, and nobody said which.
        ModelError: in no layout are these images.
    """
    if said:
        return Axes.of(said, axes)
    named = [index for index, name in enumerate(names) if name is not None and name.lower() in _CHANNELS]
    if named in ([0], [2]):
        return Axes.of(NCHW if named == [0] else NHWC, axes)
    ways = [Axes.of(NCHW, axes), Axes.of(NHWC, axes)]
    known = {shape[0], *(COLOURS if shape[0] in COLOURS else ())}
    likely = [way for way in ways if way.channels in known]
    exact = [way for way in likely if way.takes(shape)]
    for found in (likely, exact):
        if len(found) == 1:
            return found[0]
    if likely:
        raise UsageError(
            f"the suspect takes input of shape {written(axes)} after the count ({address}), in which channels may come "
            "first or last; say --input layout=nchw or --input layout=nhwc"
        )
    if any(way.channels is None for way in ways):
        return ways[0] if ways[0].channels is None else ways[1]
    raise ModelError(
        f"the suspect takes input of shape {written(axes)} after the count ({address}), where the queries have "
        f"{shape[0]} channels and {shape[1]} x {shape[2]} pixels; export it for such images"
    )


def colour(channels: int | None) -> str:
    """Return what images with so many channels are called."""
    return COLOURS.get(channels or 0, f"{channels}-channel")


def written(axes: Sequence[int | None]) -> str:
    """Return a shape in brackets; ``?`` is free."""
    return f"({', '.join('?' if size is None else str(size) for size in axes)})"
