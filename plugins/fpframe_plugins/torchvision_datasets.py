"""`torchvision`: data sets of torchvision that lie on disk already. Nothing is ever downloaded."""

from __future__ import annotations

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
    revision: ClassVar[int] = 1

    def open(self, rest: str, *, root: Path | None) -> fpframe.Dataset:
        """Return the official training and test part of the data set called `rest`.

        Raises:
            UsageError: there is no such data set, or `root` is not given.
            DataError: its files are missing or damaged; the message says how to get them.
        """
        address = f"{self.name}:{rest}"
        if rest not in _NAMES:
            raise fpframe.UsageError(f"no data set '{rest}' ({address}){nearest(rest, _NAMES)}")
        if root is None:
            raise fpframe.UsageError(
                f"'{address}' is read from disk; pass the folder that holds it with --data-root DIR"
            )
        # torchvision takes seconds to import
        from torchvision import datasets

        kind = getattr(datasets, rest)
        missing = [name for name in _files(kind) if not (root / name).is_file()]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise fpframe.DataError(f"no file {missing[0]}{more} in {root} ({address}); {_remedy(rest, root)}")
        try:
            train, test = _opened(kind, root, "train"), _opened(kind, root, "test")
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise fpframe.DataError(
                f"the files of {rest} in {root} are damaged: {reason} ({address}); delete them and "
                f"{_remedy(rest, root)}"
            ) from error
        classes = getattr(train, "classes", _DIGITS)
        return fpframe.Dataset.from_arrays(_arrays(train), _arrays(test), classes=tuple(classes), address=address)


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


def _opened(kind: Any, root: Path, part: str) -> Any:
    options = {"split": part} if hasattr(kind, "split_list") else {"train": part == "train"}
    return kind(str(root), download=False, **options)


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
