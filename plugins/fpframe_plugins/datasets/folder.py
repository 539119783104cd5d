"""`folder`: images in one folder per class."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import ClassVar

import attrs
import numpy as np
import torch

import fpframe
from fpframe.rng import generator
from fpframe_plugins.datasets._tree import SUFFIXES, Finds, class_folders, images_below, parts_of

#: Of the split of folders that have none.
_SPLIT_SEED = 0
_TEST_SHARE = 0.2

#: A file and the number of its class.
Labelled = tuple[Path, int]


@attrs.frozen(kw_only=True)
class Folder(fpframe.DatasetSource):
    """Open ``folder:PATH`` with images in ``PATH/train/CLASS/`` and ``PATH/test/CLASS/`` (or ``val``).

    A folder of the form ``PATH/CLASS/`` is split 80 to 20 within each class, always in the same way.
    Images may lie deeper, as in TinyImageNet's ``train/CLASS/images/``. All must have one size in pixels;
    they become ``(N, 1, H, W)`` where all of them are grey and ``(N, 3, H, W)`` otherwise. What was converted or left
    out stands in the notes of the data set.
    """

    name: ClassVar[str] = "folder"

    def open(self, rest: str, *, root: Path | None) -> fpframe.Dataset:
        """Return the images below `rest`, a path relative to `root`, or to the current folder without one.

        Raises:
            UsageError: no path is given.
            DataError: the folder is missing or empty, has one class or an unreadable image, or sizes differ.
        """
        # Pillow takes a while to import
        from fpframe_plugins.datasets._decoding import read_images

        if not rest:
            raise fpframe.UsageError("'folder:' lacks a path; write folder:PATH")
        base = (root or Path()) / Path(rest).expanduser()
        address = f"{self.name}:{rest}"
        if not base.is_dir():
            raise fpframe.DataError(f"there is no folder {base} ({address}); check the path and --data-root")
        finds = Finds()
        classes, train, test = _layout(base, finds, address)
        images, notes = read_images([path for path, _ in (*train, *test)], base, address)
        labels = np.array([label for _, label in (*train, *test)])
        cut = len(train)
        return fpframe.Dataset.from_arrays(
            (images.part(slice(cut)), labels[:cut]),
            (images.part(slice(cut, None)), labels[cut:]),
            classes=classes,
            address=address,
            notes=(*notes, *finds.notes(base), *_order(classes)),
        )

    def example(self, folder: Path) -> str:
        """Write two classes of grey images of 6 pixels, each in both parts."""
        from PIL import Image

        for number, (part, name) in enumerate(product(("test", "train"), ("cat", "dog"))):
            path = folder / "pets" / part / name / "0.png"
            path.parent.mkdir(parents=True)
            Image.new("L", (6, 6), 60 * number).save(path)
        return "pets"


def _layout(base: Path, finds: Finds, address: str) -> tuple[list[str], list[Labelled], list[Labelled]]:
    """Return class names and the files of the training and the test part."""
    parts = parts_of(base, finds, address)
    if parts is None:
        files = _classes(base, finds, address)
        return (list(files), *_split(files, address))
    train, test = parts
    learned = _classes(train, finds, address)
    tried = {path.name: images_below(path, finds, address) for path in class_folders(test, finds, address)}
    strangers = sorted(tried.keys() - learned.keys())
    if strangers:
        raise fpframe.DataError(
            f"{test} has a class '{strangers[0]}' that {train} lacks ({address}); "
            "both need one folder per class, with the same names"
        )
    if not any(tried.values()):
        raise fpframe.DataError(
            f"{test} has no images ({address}); put some for each class into a folder with the name of the class"
        )
    for name in learned:
        if not tried.get(name):
            raise fpframe.DataError(
                f"class '{name}' has no images in {test} ({address}); put some there, or delete the class from {train}"
            )
    return list(learned), _labelled(learned), _labelled({name: tried[name] for name in learned})


def _classes(folder: Path, finds: Finds, address: str) -> dict[str, list[Path]]:
    """Return the images of each class in order of the names."""
    files = {path.name: images_below(path, finds, address) for path in class_folders(folder, finds, address)}
    if len(files) < 2:
        found = f"one class, '{next(iter(files))}'" if files else "no class folders"
        raise fpframe.DataError(
            f"{folder} has {found} ({address}); it needs a folder of images for each of two or more"
        )
    for name, images in files.items():
        if not images:
            raise fpframe.DataError(
                f"class '{name}' in {folder} has no images ({address}); delete its folder or fill it "
                f"({', '.join(sorted(SUFFIXES))})"
            )
    return files


def _labelled(files: Mapping[str, Sequence[Path]]) -> list[Labelled]:
    return [(path, label) for label, images in enumerate(files.values()) for path in images]


def _split(files: Mapping[str, Sequence[Path]], address: str) -> tuple[list[Labelled], list[Labelled]]:
    train: list[Labelled] = []
    test: list[Labelled] = []
    for label, (name, images) in enumerate(files.items()):
        if len(images) < 2:
            raise fpframe.DataError(
                f"class '{name}' has 1 image ({address}); it needs two to be split into training and test"
            )
        order = torch.randperm(len(images), generator=generator(_SPLIT_SEED, "folder", name)).tolist()
        cut = max(1, round(_TEST_SHARE * len(images)))
        # back in the order of the names: which images, not in which order, is what chance decides
        test += [(images[index], label) for index in sorted(order[:cut])]
        train += [(images[index], label) for index in sorted(order[cut:])]
    return train, test


def _order(classes: Sequence[str]) -> tuple[fpframe.Note, ...]:
    """Say how the classes are numbered where other libraries number them otherwise."""
    natural = sorted(classes, key=_as_numbers)
    if natural == list(classes):
        return ()
    return (
        fpframe.Note(
            "class-order",
            f"Classes are numbered by their names as text ({_beginning(classes)}), as torchvision does; timm takes "
            f"another order ({_beginning(natural)}). If the victim does too, name its order with --classes FILE.",
        ),
    )


def _as_numbers(name: str) -> list[tuple[int, str]]:
    """Return a key by which digits are compared as numbers and letters without their case, as timm does."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name.lower())]


def _beginning(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the data set."""
    return [Folder]
