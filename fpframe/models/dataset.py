"""Images with labels, always 8-bit: what an API can be sent is what everything here works on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from fpframe.errors import DataError
from fpframe.models.queryset import to_pixels


@attrs.frozen(eq=False, slots=False)
class Images:
    """Labelled images.

    Attributes:
        images: uint8 ``(N, C, H, W)``.
        labels: int64 ``(N,)``.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Tensor | slice) -> Images:
        return Images(self.images[index], self.labels[index])

    def __getstate__(self) -> dict[str, Tensor]:
        # what is cached can be computed again where it is unpickled, and float pixels are four times as large
        return {"images": self.images, "labels": self.labels}

    @cached_property
    def pixels(self) -> Tensor:
        """The images as float32 ``(N, C, H, W)`` in [0, 1]."""
        return to_pixels(self.images)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over shape, images and labels."""
        state = hashlib.sha256(repr(tuple(self.images.shape)).encode())
        state.update(self.images.numpy().tobytes())
        state.update(self.labels.numpy().tobytes())
        return state.hexdigest()


@attrs.frozen(kw_only=True, eq=False, slots=False)
class Dataset:
    """Training and test images of one classification problem.

    Attributes:
        address: what the data set was opened by, for the record.
        train: images that victims, thieves and query points are drawn from.
        test: images for accuracy only.
        classes: class names.
    """

    address: str
    train: Images
    test: Images
    classes: tuple[str, ...]

    def __attrs_post_init__(self) -> None:
        for part, images in (("train", self.train), ("test", self.test)):
            _check(images, part, self.address, len(self.classes))
        shapes = [tuple(part.images.shape[1:]) for part in (self.train, self.test)]
        if shapes[0] != shapes[1]:
            raise DataError(
                f"train images have shape {shapes[0]} but test images {shapes[1]} ({self.address}); "
                "both must have the same channels, height and width"
            )

    @classmethod
    def from_arrays(
        cls,
        train: tuple[Any, Any],
        test: tuple[Any, Any],
        *,
        classes: Sequence[str] | None = None,
        address: str = "arrays",
    ) -> Dataset:
        """Make a data set from pairs of images and labels (arrays or tensors).

        Images are ``(N, C, H, W)`` or ``(N, H, W)``, either uint8 or floats in [0, 1], which are rounded to 8 bits.

        Raises:
            DataError: shapes, ranges or labels that cannot be used.
        """
        pairs = [_images(images, labels, address) for images, labels in (train, test)]
        count = 1 + max((int(part.labels.max()) for part in pairs if len(part)), default=-1)
        names = tuple(classes) if classes is not None else tuple(str(i) for i in range(count))
        return cls(address=address, train=pairs[0], test=pairs[1], classes=names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    @property
    def num_classes(self) -> int:
        """Number of classes K."""
        return len(self.classes)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over both parts."""
        return hashlib.sha256((self.train.digest + self.test.digest).encode()).hexdigest()


def _images(images: Any, labels: Any, address: str) -> Images:
    # copies: a later write to the caller's arrays must not change data whose digest is known
    values, targets = (
        given.clone() if isinstance(given, Tensor) else torch.as_tensor(np.array(given)) for given in (images, labels)
    )
    if values.ndim == 3:
        values = values.unsqueeze(1)
    if values.is_floating_point():
        if len(values) and not (float(values.min()) >= 0 and float(values.max()) <= 1):
            raise DataError(
                f"float images must lie in [0, 1], found [{float(values.min()):.4g}, {float(values.max()):.4g}] "
                f"({address}); divide by 255, and leave normalisation to the model"
            )
        values = (values * 255).round().to(torch.uint8)
    if targets.is_floating_point() and bool((targets != targets.round()).any()):
        raise DataError(f"labels must be whole numbers ({address}); give the index of each image's class")
    return Images(values.contiguous(), targets.long())


def _check(part: Images, name: str, address: str, num_classes: int) -> None:
    images, labels = part.images, part.labels
    if images.ndim != 4 or images.dtype != torch.uint8:
        raise DataError(
            f"{name} images must be uint8 (N, C, H, W), got {images.dtype} {tuple(images.shape)} ({address})"
        )
    if len(images) == 0:
        raise DataError(f"the {name} part has no images ({address}); at least one per class is needed")
    if labels.shape != (len(images),):
        raise DataError(f"{len(images)} {name} images but labels of shape {tuple(labels.shape)} ({address})")
    if num_classes < 2:
        raise DataError(f"the data has {num_classes} class ({address}); a classifier needs at least two")
    if int(labels.min()) < 0 or int(labels.max()) >= num_classes:
        raise DataError(f"{name} labels must lie in 0..{num_classes - 1} ({address})")
    if name == "train" and len(labels.unique()) < 2:
        raise DataError(f"all train images have the same label ({address}); a classifier needs at least two classes")
