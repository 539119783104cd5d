"""`folder`: images in one folder per class."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np
import torch

import fpframe
from fpframe.errors import first_line
from fpframe.rng import generator

_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
#: Of the split of folders that have none.
_SPLIT_SEED = 0
_TEST_SHARE = 0.2
#: Decoding releases the interpreter lock; more threads than this gain little.
_READERS = 4

#: A file and the number of its class.
Labelled = tuple[Path, int]


@attrs.frozen(kw_only=True)
class Folder(fpframe.DatasetSource):
    """Open ``folder:PATH`` with images in ``PATH/train/CLASS/`` and ``PATH/test/CLASS/`` (or ``val``).

    A folder of the form ``PATH/CLASS/`` is split 80 to 20 within each class, always in the same way.
    Images may lie deeper, as in TinyImageNet's ``train/CLASS/images/``. All must have one size in pixels;
    they become ``(N, 1, H, W)`` where all of them are grey and ``(N, 3, H, W)`` otherwise.
    """

    name: ClassVar[str] = "folder"

    def open(self, rest: str, *, root: Path | None) -> fpframe.Dataset:
        """Return the images below `rest`, a path relative to `root`, or to the current folder without one.

        Raises:
            UsageError: no path is given.
            DataError: the folder is missing or empty, has one class or an unreadable image, or sizes differ.
        """
        if not rest:
            raise fpframe.UsageError("'folder:' lacks a path; write folder:PATH")
        base = (root or Path()) / Path(rest).expanduser()
        address = f"{self.name}:{rest}"
        if not base.is_dir():
            raise fpframe.DataError(f"there is no folder {base} ({address}); check the path and --data-root")
        classes, train, test = _layout(base, address)
        images = _read([path for path, _ in (*train, *test)], address)
        labels = np.array([label for _, label in (*train, *test)])
        cut = len(train)
        return fpframe.Dataset.from_arrays(
            (images[:cut], labels[:cut]), (images[cut:], labels[cut:]), classes=classes, address=address
        )

    def example(self, folder: Path) -> str:
        """Write two classes of grey images of 6 pixels, each in both parts."""
        from PIL import Image

        for number, (part, name) in enumerate(product(("test", "train"), ("cat", "dog"))):
            path = folder / "pets" / part / name / "0.png"
            path.parent.mkdir(parents=True)
            Image.new("L", (6, 6), 60 * number).save(path)
        return "pets"


def _layout(base: Path, address: str) -> tuple[list[str], list[Labelled], list[Labelled]]:
    """Return class names and the files of the training and the test part."""
    tests = [base / name for name in ("test", "val") if (base / name).is_dir()]
    if (base / "train").is_dir() and tests:
        classes = _classes(base / "train", address)
        strangers = sorted(set(_folders(tests[0])) - set(classes))
        if strangers:
            raise fpframe.DataError(
                f"{tests[0]} has a class '{strangers[0]}' that {base / 'train'} lacks ({address}); "
                "both need one folder per class, with the same names"
            )
        test = [item for files in _files(tests[0], classes) for item in files]
        if not test:
            raise fpframe.DataError(f"{tests[0]} has no images ({address}); at least one is needed to test on")
        return classes, [item for files in _files(base / "train", classes) for item in files], test
    if (base / "train").is_dir():
        raise fpframe.DataError(
            f"{base} has 'train' but neither 'test' nor 'val' ({address}); add one, or open {base / 'train'} "
            "itself, which is then split"
        )
    classes = _classes(base, address)
    return (classes, *_split(_files(base, classes), classes, address))


def _classes(base: Path, address: str) -> list[str]:
    names = _folders(base)
    if len(names) < 2:
        found = f"one class, '{names[0]}'" if names else "no class folders"
        raise fpframe.DataError(f"{base} has {found} ({address}); it needs a folder of images for each of two or more")
    for name, files in zip(names, _files(base, names), strict=True):
        if not files:
            raise fpframe.DataError(
                f"class '{name}' in {base} has no images ({address}); delete its folder or fill it "
                f"({', '.join(sorted(_SUFFIXES))})"
            )
    return names


def _folders(base: Path) -> list[str]:
    return sorted(entry.name for entry in base.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _files(base: Path, classes: Sequence[str]) -> list[list[Labelled]]:
    """Return the images of each class, sorted, so that their order does not depend on the file system."""
    return [
        [
            (path, label)
            for path in sorted((base / name).rglob("*"))
            if path.suffix.lower() in _SUFFIXES and not path.name.startswith(".") and path.is_file()
        ]
        for label, name in enumerate(classes)
    ]


def _split(files: list[list[Labelled]], classes: Sequence[str], address: str) -> tuple[list[Labelled], list[Labelled]]:
    train: list[Labelled] = []
    test: list[Labelled] = []
    for name, members in zip(classes, files, strict=True):
        if len(members) < 2:
            raise fpframe.DataError(
                f"class '{name}' has 1 image ({address}); it needs two to be split into training and test"
            )
        order = torch.randperm(len(members), generator=generator(_SPLIT_SEED, "folder", name)).tolist()
        cut = max(1, round(_TEST_SHARE * len(members)))
        # back in the order of the names: which images, not in which order, is what chance decides
        test += [members[index] for index in sorted(order[:cut])]
        train += [members[index] for index in sorted(order[cut:])]
    return train, test


def _read(paths: Sequence[Path], address: str) -> Any:
    """Return uint8 images ``(N, C, H, W)``."""
    with ThreadPoolExecutor(_READERS) as readers:
        images = list(readers.map(lambda path: _decode(path, address), paths))
    height, width = images[0].shape[:2]
    for path, image in zip(paths, images, strict=True):
        if image.shape[:2] != (height, width):
            raise fpframe.DataError(
                f"{path} has {image.shape[1]}x{image.shape[0]} pixels where {paths[0]} has {width}x{height} "
                f"({address}); resize all images to one size"
            )
    if all(image.ndim == 2 for image in images):
        return np.stack(images)[:, None]
    return np.stack([image if image.ndim == 3 else np.repeat(image[..., None], 3, 2) for image in images]).transpose(
        0, 3, 1, 2
    )


def _decode(path: Path, address: str) -> Any:
    """Return one image as uint8 ``(H, W)`` if it is grey, otherwise ``(H, W, 3)``."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.mode in ("1", "L"):
                return np.asarray(image.convert("L"))
            # a palette may hold transparency, which only this way out of it keeps without a warning
            return np.asarray((image.convert("RGBA") if image.mode == "P" else image).convert("RGB"))
    except Exception as error:  # decoders fail in many ways on damaged files
        raise fpframe.DataError(
            f"cannot read {path}: {first_line(error)} ({address}); replace or delete the file"
        ) from error


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the data set."""
    return [Folder]
