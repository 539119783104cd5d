"""Images with labels, always 8-bit: what an API can be sent is what everything here works on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import attrs
import torch
from torch import Tensor

from fpframe.base import Note
from fpframe.errors import DataError, UsageError, nearest
from fpframe.models.arrays import class_names, image_tensor, label_tensor, pair
from fpframe.models.classes.spelling import find_names
from fpframe.models.imageview import ImageView, as_view
from fpframe.models.pixels import Pixels
from fpframe.models.queryset import to_pixels

#: The code of a note on the order of the classes, which holds no longer once somebody has given it.
CLASS_ORDER = "class-order"


@attrs.frozen(eq=False, slots=False)
class Images:
    """Labelled images.

    Parts of images are views: ``images[index]`` copies nothing, and neither does pickling what lies in a mapped file.
    `view` and `stream` read batch by batch; `images` and `pixels` are whole tensors, which stay in memory.

    Attributes:
        view: 8-bit images ``(N, C, H, W)``, to be read batch by batch; made of a tensor where one is given.
        labels: int64 ``(N,)``.
    """

    view: ImageView = attrs.field(converter=as_view, alias="images")
    labels: Tensor

    def __len__(self) -> int:
        return len(self.view)

    def __getitem__(self, index: Tensor | slice) -> Images:
        return Images(self.view.part(index), self.labels[index])

    def __getstate__(self) -> dict[str, Any]:
        # what is cached can be computed again where it is unpickled, and float pixels are four times as large
        return {"view": self.view, "labels": self.labels}

    @cached_property
    def images(self) -> Tensor:
        """The images as one uint8 tensor ``(N, C, H, W)``: what they were made of, or a copy of a part of it."""
        return self.view.tensor()

    @cached_property
    def pixels(self) -> Tensor:
        """The images as one float32 tensor ``(N, C, H, W)`` in [0, 1]; `stream` takes no memory."""
        return to_pixels(self.images)

    @property
    def stream(self) -> Pixels:
        """The images as float32 pixels ``(N, C, H, W)`` in [0, 1] that are made when they are read."""
        return Pixels(self.view)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over shape, images and labels."""
        state = hashlib.sha256(repr(tuple(self.view.shape)).encode())
        for batch in self.view.split():
            state.update(batch.numpy().tobytes())
        state.update(self.labels.numpy().tobytes())
        return state.hexdigest()

    def joined(self, *others: Images) -> Images:
        """Return these images and then the others, none of which is copied."""
        labels = torch.cat([self.labels, *(other.labels for other in others)])
        return Images(self.view.joined(*(other.view for other in others)), labels)


@attrs.frozen(kw_only=True, eq=False, slots=False)
class Dataset:
    """Training and test images of one classification problem.

    Attributes:
        address: what the data set was opened by, for the record.
        train: images that victims, thieves and query points are drawn from.
        test: images for accuracy only.
        classes: class names.
        notes: what the reader of a verdict should know of how the data were read, such as what was converted.
    """

    address: str
    train: Images
    test: Images
    classes: tuple[str, ...]
    notes: tuple[Note, ...] = ()

    def __attrs_post_init__(self) -> None:
        for part, images in (("train", self.train), ("test", self.test)):
            _check(images, part, self.address, len(self.classes))
        shapes = [tuple(part.view.shape[1:]) for part in (self.train, self.test)]
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
        notes: Sequence[Note] = (),
    ) -> Dataset:
        """Make a data set from pairs of images and labels (arrays, tensors or lists).

        Images are ``(N, C, H, W)`` or ``(N, H, W)``, either uint8 or floats in [0, 1], which are rounded to 8 bits; or
        what `fpframe.models.keep_images` returns, which is not copied.
        Labels are the indices of the classes, from 0.

        Raises:
            DataError: shapes, types, ranges or labels that cannot be used.
        """
        parts = {}
        for part, given in (("train", train), ("test", test)):
            images, labels = pair(given, part, address)
            parts[part] = Images(image_tensor(images, part, address), label_tensor(labels, part, address))
        names = class_names(classes, (part.labels.flatten() for part in parts.values()), address)
        return cls(address=address, **parts, classes=names, notes=tuple(notes))

    def in_order(self, classes: Sequence[str]) -> Dataset:
        """Return the same data with classes that are numbered in another order, which is the victim's.

        Raises:
            DataError: these are not the same classes.
        """
        wanted = self._as_spelt(class_names(classes, (), self.address))
        strangers = [name for name in wanted if name not in self.classes]
        if strangers:
            raise DataError(
                f"the data has no class '{strangers[0]}' ({self.address}){nearest(strangers[0], self.classes)}"
            )
        missing = [name for name in self.classes if name not in wanted]
        if missing:
            raise DataError(f"the order of classes lacks '{missing[0]}' ({self.address}); name every class once")
        notes = tuple(note for note in self.notes if note.code != CLASS_ORDER)
        if wanted == self.classes:
            return attrs.evolve(self, notes=notes)
        number = torch.tensor([wanted.index(name) for name in self.classes])
        train, test = (Images(part.view, number[part.labels]) for part in (self.train, self.test))
        return attrs.evolve(self, train=train, test=test, classes=wanted, notes=notes)

    def _as_spelt(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return names of classes as these data spell them, where they do in another way."""
        try:
            found = find_names(names, self.classes)
        except UsageError as error:
            raise DataError(f"{error} ({self.address})") from error
        return tuple(
            name if number is None else self.classes[number] for name, number in zip(names, found.means, strict=True)
        )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        channels, height, width = self.train.view.shape[1:]
        return channels, height, width

    @property
    def num_classes(self) -> int:
        """Number of classes K."""
        return len(self.classes)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over both parts."""
        return hashlib.sha256((self.train.digest + self.test.digest).encode()).hexdigest()


def _check(part: Images, name: str, address: str, num_classes: int) -> None:
    images, labels = part.view, part.labels
    if len(images.shape) != 4 or images.dtype != torch.uint8:
        raise DataError(
            f"{name} images must be uint8 (N, C, H, W), got {images.dtype} {tuple(images.shape)} ({address}); "
            "make them with Dataset.from_arrays"
        )
    if len(images) == 0:
        raise DataError(f"the {name} part has no images ({address}); at least one per class is needed")
    if labels.shape != (len(images),):
        raise DataError(
            f"{len(images)} {name} images but labels of shape {tuple(labels.shape)} ({address}); give one label for "
            "each image, such as labels.reshape(-1)"
        )
    if num_classes < 2:
        raise DataError(f"the data has {num_classes} class ({address}); a classifier needs at least two")
    if int(labels.min()) < 0 or int(labels.max()) >= num_classes:
        raise DataError(
            f"{name} labels must lie in 0..{num_classes - 1} ({address}), found {int(labels.min())} to "
            f"{int(labels.max())}; the first class has the label 0"
        )
    if name == "train" and len(labels.unique()) < 2:
        raise DataError(f"all train images have the same label ({address}); a classifier needs at least two classes")
