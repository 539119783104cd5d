"""Images of another data set as a thief's queries: in the size and with the channels of the victim's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from fpframe.base import Address
from fpframe.errors import DataError
from fpframe.interfaces import DatasetSource, fenced, require
from fpframe.models import Dataset, Images, keep_images
from fpframe.registry import Registry

#: Images that are resized at once.
_TOGETHER = 256
#: What decides the resized images besides the others: raised when it is done otherwise.
_RESIZING = f"1, torch {torch.__version__}"


def open_dataset(registry: Registry, address: str, root: str | Path | None) -> Dataset:
    """Open a data set by address.

    Raises:
        PluginError: no plugin knows the address.
        DataError: it is missing, empty or damaged.
    """
    source, rest = _source(registry, address)
    doing = f"opening '{address}'"
    with fenced(source, doing=doing):
        dataset = source.open(rest, root=Path(root) if root is not None else None)
    return require(source, dataset, Dataset, doing=doing)


def download_dataset(registry: Registry, address: str, root: str | Path | None) -> None:
    """Fetch a data set from where it was published; what is there already is not fetched again.

    Raises:
        PluginError: no plugin knows the address.
        UsageError: data sets of this kind are not downloaded, or `root` is not given.
        DataError: the network fails, or what came is damaged.
    """
    source, rest = _source(registry, address)
    source.download(rest, root=Path(root) if root is not None else None)


def open_pool(registry: Registry, address: str, root: Path | None, image_shape: tuple[int, int, int]) -> Images:
    """Return the training images of a data set, resized bilinearly, in grey or colour as `image_shape` says.

    Raises:
        PluginError: no plugin knows the address.
        DataError: it is missing or damaged, or its channels cannot be changed into the others.
    """
    images = open_dataset(registry, address, root).train
    found = images.view.shape[1:]
    if found == image_shape:
        return images
    if {found[0], image_shape[0]} not in ({1, 3}, {found[0]}):
        raise DataError(
            f"images with {found[0]} channels cannot be asked of a model for {image_shape[0]} ({address}); "
            "choose another pool"
        )

    def fill(resized: Any) -> list[str]:
        done = 0
        for batch in images.stream.split(_TOGETHER):
            resized[done : done + len(batch)] = _brought_to(batch, image_shape).numpy()
            done += len(batch)
        return []

    view, _ = keep_images(["resized", _RESIZING, images.digest], (len(images), *image_shape), fill)
    return Images(view, images.labels)


def _brought_to(pixels: Tensor, image_shape: tuple[int, int, int]) -> Tensor:
    """Return pixels as 8-bit images of a shape."""
    channels, *size = image_shape
    if pixels.shape[1] != channels:
        pixels = pixels.mean(1, keepdim=True) if channels == 1 else pixels.expand(-1, 3, -1, -1)
    if list(pixels.shape[2:]) != size:
        pixels = F.interpolate(pixels, size, mode="bilinear", align_corners=False, antialias=True)
    return (pixels.clamp(0, 1) * 255).round().byte()


def _source(registry: Registry, address: str) -> tuple[DatasetSource, str]:
    """Return what opens an address, and what it is to open."""
    parsed = Address.parse(address)
    name, rest = (parsed.prefix, parsed.rest) if parsed.prefix else (parsed.rest, "")
    return registry.build(DatasetSource, name), rest
