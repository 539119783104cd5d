"""`datasets`: data sets of images that the library of this name has saved to disk."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np
import PIL

import fpframe
from fpframe.errors import first_line
from fpframe.models import ImageView, keep_images
from fpframe.rng import isolated
from fpframe_plugins.datasets._reading import read_each

#: What the part is called that models are tested on, the first that there is.
_TEST = ("test", "validation", "valid", "val")
#: What gives the labels, where several columns could.
_LABEL = ("label", "labels")
#: Raised when data would be decoded to other images, so that those in the store are not taken for these.
_REVISION = 1


@attrs.frozen(kw_only=True)
class HuggingFaceDataset(fpframe.DatasetSource):
    """Open ``datasets:FOLDER``, which ``save_to_disk`` has written, with a part ``train`` and a part for tests.

    The folder is relative to the data root, or to the current folder without one. The part for tests is called
    ``test``, ``validation``, ``valid`` or ``val``. There must be one column of images, all of one size, and one of
    class labels. Nothing is fetched, and no code of the folder runs.
    """

    name: ClassVar[str] = "datasets"

    def open(self, rest: str, *, root: Path | None) -> fpframe.Dataset:
        """Return the images of a folder: ``(N, 1, H, W)`` where all are grey, and ``(N, 3, H, W)`` otherwise.

        Raises:
            UsageError: no folder is given, or the library is not installed.
            DataError: the folder is missing or damaged, lacks a part or a column, or sizes differ.
        """
        address = f"{self.name}:{rest}"
        if not rest:
            raise fpframe.UsageError(f"'{self.name}:' lacks a folder ({address}); write {self.name}:FOLDER")
        folder = (root or Path()) / Path(rest).expanduser()
        if not folder.is_dir():
            raise fpframe.DataError(f"there is no folder {folder} ({address}); check the path and --data-root")
        library = _library(address)
        try:
            with isolated(0):
                saved = library.load_from_disk(str(folder))
        except Exception as error:
            raise fpframe.DataError(
                f"no data set can be read: {first_line(error)} ({address}); write it with save_to_disk"
            ) from error
        train, test = _parts(saved, address)
        image, label = _columns(train, library, address)
        identity = ["datasets", _REVISION, library.__version__, PIL.__version__, _files(folder)]
        images, remarks = _images([train, test], image, identity, address)
        feature = train.features[label]
        return fpframe.Dataset.from_arrays(
            (images.part(slice(len(train))), _labels(train, label, address)),
            (images.part(slice(len(train), None)), _labels(test, label, address)),
            classes=getattr(feature, "names", None),
            address=address,
            notes=[fpframe.Note("images-converted", f"Some images {remark}.") for remark in remarks],
        )

    def example(self, folder: Path) -> str:
        """Save two classes of grey images of 6 pixels, each in both parts."""
        from PIL import Image

        library = importlib.import_module("datasets")
        features = library.Features(image=library.Image(), label=library.ClassLabel(names=["cat", "dog"]))
        shades = {"train": (0, 60, 120, 180), "test": (20, 80)}
        parts = {
            part: library.Dataset.from_dict(
                {
                    "image": [Image.new("L", (6, 6), shade) for shade in found],
                    "label": [number % 2 for number in range(len(found))],
                },
                features=features,
            )
            for part, found in shades.items()
        }
        with _without_bars(library):
            library.DatasetDict(parts).save_to_disk(str(folder / "pets"))
        return "pets"


@contextlib.contextmanager
def _without_bars(library: Any) -> Iterator[None]:
    """Keep the library from drawing bars inside the block."""
    hidden = library.are_progress_bars_disabled()
    library.disable_progress_bars()
    try:
        yield
    finally:
        if not hidden:
            library.enable_progress_bars()


def _library(address: str) -> Any:
    try:
        with isolated(0):
            return importlib.import_module("datasets")
    except ImportError as error:
        raise fpframe.UsageError(f"datasets is not installed ({address}); pip install 'fpframe[hf]'") from error


def _parts(saved: Any, address: str) -> tuple[Any, Any]:
    """Return the part to learn from and the part for tests."""
    names = list(saved) if isinstance(saved, Mapping) else []
    test = next((name for name in _TEST if name in names), None)
    if "train" not in names or test is None:
        raise fpframe.DataError(
            f"its parts are {', '.join(map(str, names)) or 'one without a name'}, where 'train' and 'test' are needed "
            f"({address}); save a DatasetDict with both, as train_test_split returns it"
        )
    return saved["train"], saved[test]


def _columns(part: Any, library: Any, address: str) -> tuple[str, str]:
    """Return the names of the column of images and of that of labels."""
    images = [name for name, feature in part.features.items() if isinstance(feature, library.Image)]
    labels = [name for name, feature in part.features.items() if isinstance(feature, library.ClassLabel)]
    labels = labels or [name for name in _LABEL if name in part.features]
    for what, found in (("images", images), ("class labels", labels)):
        if len(found) != 1:
            told = f"{len(found)} columns of {what}" if found else f"no column of {what}"
            raise fpframe.DataError(
                f"it has {told} among {', '.join(part.features)} ({address}); keep one with select_columns, cast "
                "with cast_column"
            )
    return images[0], labels[0]


def _files(folder: Path) -> list[list[Any]]:
    """Return what tells whether the files of a data set are still as they were."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        facts = path.stat()
        found.append([str(path.relative_to(folder)), facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino])
    return found


class _ColouredError(Exception):
    """An image has colours where all before it were grey."""


def _images(parts: list[Any], column: str, identity: Any, address: str) -> tuple[ImageView, Sequence[str]]:
    """Return the images of all parts, one after the other, and what was converted; coloured where one of them is."""
    if not all(map(len, parts)):
        raise fpframe.DataError(f"a part has no images ({address}); save it with some")
    first, _ = _decoded(parts[0], 0, column, address)
    size = first.shape[:2]

    def fill(images: Any) -> list[str]:
        remarks: set[str] = set()
        places = [(part, number) for part in parts for number in range(len(part))]

        def write(at: int) -> None:
            values, note = _decoded(*places[at], column, address)
            _require_size(values.shape[:2], size, address)
            if values.ndim == 3 and len(images[at]) == 1:
                raise _ColouredError
            if note:
                remarks.add(note)
            images[at] = values.transpose(2, 0, 1) if values.ndim == 3 else values

        for _ in read_each(write, range(len(places))):
            pass
        return sorted(remarks)

    count = sum(map(len, parts))
    if first.ndim == 2:
        with contextlib.suppress(_ColouredError):
            return keep_images(identity, (count, 1, *size), fill)
    return keep_images(identity, (count, 3, *size), fill)


def _decoded(part: Any, number: int, column: str, address: str) -> tuple[Any, str]:
    """Return an image as uint8 ``(H, W)`` or ``(H, W, 3)``, and what was converted."""
    from fpframe_plugins.datasets._modes import MODES

    try:
        image = part[number][column]
        mode = MODES.get(image.mode)
        if mode is None or mode.becomes not in ("grey", "colour"):
            remedy = (mode.remedy if mode else "") or "convert it to grey (L) or colour (RGB) of 8 bits"
            raise fpframe.DataError(f"image {number} is of mode {image.mode} ({address}); {remedy}")
        for step in mode.through:
            image = image.convert(step)
        return np.array(image), mode.note
    except fpframe.DataError:
        raise
    except Exception as error:  # decoders fail in many ways on damaged data
        raise fpframe.DataError(
            f"image {number} cannot be read: {first_line(error)} ({address}); save the data set again"
        ) from error


def _require_size(size: tuple[int, int], wanted: tuple[int, int], address: str) -> None:
    if size != wanted:
        (height, width), (other, wide) = sorted([size, wanted])
        raise fpframe.DataError(
            f"images of {width}x{height} and of {wide}x{other} pixels ({address}); resize all images to one size"
        )


def _labels(part: Any, column: str, address: str) -> Any:
    labels = np.asarray(part[column][:])
    if labels.dtype.kind not in "iu" or bool((labels < 0).any()):
        raise fpframe.DataError(
            f"column '{column}' has labels that are neither numbers of classes nor -1 for unknown ({address}); save a "
            "part with its labels"
        )
    return labels


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the data sets."""
    return [HuggingFaceDataset]
