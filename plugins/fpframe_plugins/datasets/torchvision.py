"""`torchvision`: data sets of torchvision that lie on disk. Nothing is downloaded unless asked."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np

import fpframe
from fpframe.errors import nearest

#: What may stand after ``torchvision:``: the small images that papers on model theft use.
_NAMES = ("CIFAR10", "CIFAR100", "FashionMNIST", "KMNIST", "MNIST", "SVHN")
_DIGITS = tuple(str(digit) for digit in range(10))


@attrs.frozen(kw_only=True)
class TorchvisionDatasets(fpframe.DatasetSource):
    """Open ``torchvision:NAME`` below the data root, in the layout in which torchvision keeps it.

    Images are 8-bit as they were published: ``(N, 1, 28, 28)`` for the MNIST kind, ``(N, 3, 32, 32)`` for
    CIFAR and SVHN.
    """

    name: ClassVar[str] = "torchvision"

    def open(self, rest: str, *, root: Path | None) -> fpframe.Dataset:
        """Return the official training and test part of the data set called `rest`.

        Raises:
            UsageError: there is no such data set, or `root` is not given.
            DataError: its files are missing or damaged; the message says how to get them.
        """
        kind, root, address = self._known(rest, root)
        missing = _missing(kind, root)
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise fpframe.DataError(f"no file {missing[0]}{more} in {root} ({address}); {_remedy(rest, root)}")
        try:
            train, test = _opened(kind, root, "train"), _opened(kind, root, "test")
        except Exception as error:
            raise fpframe.DataError(
                f"the files of {rest} in {root} are damaged: {_reason(error)} ({address}); delete them and "
                f"{_remedy(rest, root)}"
            ) from error
        classes = getattr(train, "classes", _DIGITS)
        return fpframe.Dataset.from_arrays(_arrays(train), _arrays(test), classes=tuple(classes), address=address)

    def download(self, rest: str, *, root: Path | None) -> None:
        """Let torchvision fetch the data set called `rest` into `root`, which is made if need be.

        Files are checked by the sums that torchvision knows; those that are there and sound are not fetched again.

        Raises:
            UsageError: there is no such data set, or `root` is not given.
            DataError: the network fails, or files that were there are damaged.
            ResourceError: the folder cannot be made.
        """
        kind, root, address = self._known(rest, root)
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise fpframe.ResourceError(
                f"cannot make the folder: {error.strerror or error} ({root}); choose another --data-root"
            ) from error
        try:
            # standard output is for results; some versions of torchvision print what they are about
            with contextlib.redirect_stdout(sys.stderr):
                # either part brings everything, except where each has a file of its own
                for part in ("train", "test") if hasattr(kind, "split_list") else ("train",):
                    _opened(kind, root, part, download=True)
        except Exception as error:
            # files that are there are not fetched, also where they are damaged in a way that no sum was kept for
            advice = (
                "check the network, or copy the files from a machine that has one"
                if _missing(kind, root)
                else "delete its files and try again"
            )
            raise fpframe.DataError(
                f"cannot download {rest} to {root}: {_reason(error)} ({address}); {advice}"
            ) from error

    def example(self, folder: Path) -> str:
        """Write FashionMNIST with six training images and three test images, in the IDX format of MNIST."""
        raw = folder / "FashionMNIST/raw"
        raw.mkdir(parents=True)
        for part, count in (("train", 6), ("t10k", 3)):
            shades = np.linspace(0, 255 - count, count * 28 * 28)
            _write_idx(raw / f"{part}-images-idx3-ubyte", shades.reshape(count, 28, 28))
            _write_idx(raw / f"{part}-labels-idx1-ubyte", np.arange(count))
        return "FashionMNIST"

    def _known(self, rest: str, root: Path | None) -> tuple[Any, Path, str]:
        """Return torchvision's class, the folder and the address."""
        address = f"{self.name}:{rest}"
        if rest not in _NAMES:
            raise fpframe.UsageError(f"no data set '{rest}' ({address}){nearest(rest, _NAMES)}")
        if root is None:
            raise fpframe.UsageError(
                f"'{address}' is read from disk; pass the folder that holds it with --data-root DIR"
            )
        # torchvision takes seconds to import
        from torchvision import datasets

        return getattr(datasets, rest), root, address


def _write_idx(path: Path, values: Any) -> None:
    """Write an array as unsigned bytes; the header tells the type, 8, and every size as four bytes."""
    header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, dtype=">u4").tobytes()
    path.write_bytes(header + values.astype(np.uint8).tobytes())


def _missing(kind: Any, root: Path) -> list[str]:
    return [name for name in _files(kind) if not (root / name).is_file()]


def _files(kind: Any) -> list[str]:
    """Return the files that torchvision reads, relative to its root."""
    if hasattr(kind, "resources"):
        return [f"{kind.__name__}/raw/{Path(url).stem}" for url, _ in kind.resources]
    if hasattr(kind, "split_list"):
        return [kind.split_list[part][1] for part in ("train", "test")]
    members = [name for name, _ in (*kind.train_list, *kind.test_list)]
    return [f"{kind.base_folder}/{name}" for name in (*members, kind.meta["filename"])]


def _remedy(name: str, root: Path) -> str:
    arguments, call = f'"{root}", download=True', f"torchvision.datasets.{name}"
    if name == "SVHN":
        code = f'[{call}({arguments}, split=part) for part in ("train", "test")]'
    else:
        code = f"{call}({arguments})"
    return f"get them with: python -c 'import torchvision; {code}'"


def _reason(error: Exception) -> str:
    """Return what an error says, on one line: torchvision lists every mirror that it has tried."""
    return " ".join(str(error).split()) or type(error).__name__


def _opened(kind: Any, root: Path, part: str, *, download: bool = False) -> Any:
    options = {"split": part} if hasattr(kind, "split_list") else {"train": part == "train"}
    return kind(str(root), download=download, **options)


def _arrays(opened: Any) -> tuple[Any, Any]:
    """Return images ``(N, C, H, W)`` or ``(N, H, W)`` and labels ``(N,)``."""
    images = np.asarray(opened.data)
    if images.ndim == 4 and images.shape[-1] == 3:
        images = images.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(images), np.asarray(opened.targets if hasattr(opened, "targets") else opened.labels)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the data sets."""
    return [TorchvisionDatasets]
