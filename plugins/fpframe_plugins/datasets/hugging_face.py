"""`datasets`: data sets of images that the library of this name has saved to disk."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np

import fpframe
from fpframe.errors import first_line
from fpframe.rng import isolated

#: What the part is called that models are tested on, the first that there is.
_TEST = ("test", "validation", "valid", "val")
#: What gives the labels, where several columns could.
_LABEL = ("label", "labels")
_READERS = 4


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
        pixels = [_images(part, image, address) for part in (train, test)]
        notes = tuple(note for _, found in pixels for note in found)
        arrays = _alike([images for images, _ in pixels], address)
        feature = train.features[label]
        return fpframe.Dataset.from_arrays(
            (arrays[0], _labels(train, label, address)),
            (arrays[1], _labels(test, label, address)),
            classes=getattr(feature, "names", None),
            address=address,
            notes=tuple(dict.fromkeys(notes)),
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


@contextmanager
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


def _images(part: Any, column: str, address: str) -> tuple[list[Any], list[fpframe.Note]]:
    """Return each image as uint8 ``(H, W)`` or ``(H, W, 3)``, and what was converted."""
    from fpframe_plugins.datasets._modes import MODES

    remarks: set[str] = set()

    def decoded(number: int) -> Any:
        try:
            image = part[number][column]
            mode = MODES.get(image.mode)
            if mode is None or mode.becomes not in ("grey", "colour"):
                remedy = (mode.remedy if mode else "") or "convert it to grey (L) or colour (RGB) of 8 bits"
                raise fpframe.DataError(f"image {number} is of mode {image.mode} ({address}); {remedy}")
            if mode.note:
                remarks.add(mode.note)
            for step in mode.through:
                image = image.convert(step)
            return np.array(image)
        except fpframe.DataError:
            raise
        except Exception as error:  # decoders fail in many ways on damaged data
            raise fpframe.DataError(
                f"image {number} cannot be read: {first_line(error)} ({address}); save the data set again"
            ) from error

    with ThreadPoolExecutor(_READERS) as readers:
        found = list(readers.map(decoded, range(len(part))))
    return found, [fpframe.Note("images-converted", f"Some images {remark}.") for remark in sorted(remarks)]


def _alike(parts: list[list[Any]], address: str) -> list[Any]:
    """Return the images of each part as one array ``(N, C, H, W)``, coloured where one of them is."""
    every = [image for part in parts for image in part]
    if not all(parts):
        raise fpframe.DataError(f"a part has no images ({address}); save it with some")
    sizes = sorted({image.shape[:2] for image in every})
    if len(sizes) > 1:
        (height, width), (other, wide) = sizes[:2]
        raise fpframe.DataError(
            f"images of {width}x{height} and of {wide}x{other} pixels ({address}); resize all images to one size"
        )
    if any(image.ndim == 3 for image in every):
        parts = [[i if i.ndim == 3 else np.repeat(i[..., None], 3, 2) for i in part] for part in parts]
        return [np.ascontiguousarray(np.stack(part).transpose(0, 3, 1, 2)) for part in parts]
    return [np.stack(part)[:, None] for part in parts]


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
