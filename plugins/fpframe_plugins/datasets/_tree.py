"""What lies in a folder of images: which folders are parts and classes, which files are images, and what else is there.

Not a plugin: `folder` uses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

import fpframe

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"}
)
#: What programs leave behind; hidden files and folders, such as ``.ipynb_checkpoints``, are no images either.
_LITTER = frozenset({"__macosx", "thumbs.db", "desktop.ini", "@eadir", "lost+found"})
#: By lower-case name of a folder, the part that it is.
PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
}


@attrs.define(eq=False)
class Finds:
    """What was met on the way that is not read as an image of the folder.

    Attributes:
        left_out: files and folders that were not read.
        linked: links to other folders, which were followed.
    """

    left_out: list[Path] = attrs.field(factory=list)
    linked: list[Path] = attrs.field(factory=list)

    def notes(self, base: Path) -> tuple[fpframe.Note, ...]:
        """Return what the user should know; paths are relative to `base`."""
        notes = []
        if self.left_out:
            notes.append(
                fpframe.Note(
                    "images-left-out",
                    f"Not read: {_some(self.left_out, base)}. Only images in the folders of classes are.",
                )
            )
        if self.linked:
            notes.append(
                fpframe.Note("images-linked", f"Links to other folders were followed: {_some(self.linked, base)}.")
            )
        return tuple(notes)


def entries(folder: Path, address: str) -> Iterator[Path]:
    """Yield what lies in a folder, by name, without litter; nothing is opened.

    Raises:
        DataError: the folder cannot be read, or something in it is neither a file nor a folder.
    """
    try:
        for path in sorted(folder.iterdir(), key=lambda path: path.name):
            if path.name.startswith(".") or path.name.lower() in _LITTER:
                continue
            if not path.is_file() and not path.is_dir():
                what = "a link that leads to no file" if path.is_symlink() else "neither a file nor a folder"
                raise fpframe.DataError(f"{path} is {what} ({address}); delete it, or put an image in its place")
            yield path
    except OSError as error:
        raise fpframe.DataError(
            f"cannot read folder {folder}: {error.strerror or error} ({address}); allow it, or move the folder away"
        ) from error


def images_below(folder: Path, finds: Finds, address: str, above: Sequence[Path] = ()) -> list[Path]:
    """Return the images in a folder and in those below it, in order of their paths.

    Links to folders are followed, as torchvision and timm do.

    Raises:
        DataError: something cannot be read, or a link leads back to where it came from.
    """
    real = folder.resolve()
    if real in above:
        raise fpframe.DataError(f"{folder} is a link to a folder that it lies in ({address}); delete it")
    if folder.is_symlink():
        finds.linked.append(folder)
    images: list[Path] = []
    for path in entries(folder, address):
        if path.is_dir():
            images += images_below(path, finds, address, (*above, real))
        elif path.suffix.lower() in SUFFIXES:
            images.append(path)
        else:
            finds.left_out.append(path)
    return sorted(images)


def class_folders(folder: Path, finds: Finds, address: str) -> list[Path]:
    """Return the folders of classes in a part, by name; files beside them are no images of a class."""
    inside = list(entries(folder, address))
    finds.left_out += [path for path in inside if not path.is_dir()]
    return [path for path in inside if path.is_dir()]


def parts_of(base: Path, finds: Finds, address: str) -> tuple[Path, Path] | None:
    """Return the folders of training and test images; ``None`` where `base` holds the classes themselves.

    Raises:
        DataError: two folders could be one part, or a part is missing.
    """
    inside = [path for path in entries(base, address) if path.is_dir()]
    found: dict[str, Path] = {}
    for path in inside:
        part = PARTS.get(path.name.lower())
        if part is None:
            continue
        if part in found:
            raise fpframe.DataError(
                f"{base} has '{found[part].name}' and '{path.name}', and both could be its part '{part}' ({address}); "
                "rename or remove one"
            )
        found[part] = path
    if "train" not in found:
        _require_classes(base, inside, found, address)
        return None
    train, test = found["train"], found.get("test", found.get("val"))
    if test is None:
        raise fpframe.DataError(
            f"{base} has '{train.name}' but neither 'test' nor 'val' ({address}); add one, or open {train} itself, "
            "which is then split"
        )
    finds.left_out += [path for path in inside if path not in (train, test)]
    finds.linked += [path for path in (train, test) if path.is_symlink()]
    return train, test


def _require_classes(base: Path, inside: Sequence[Path], found: dict[str, Path], address: str) -> None:
    """Refuse folders that are parts and no classes, such as ``test`` and ``val`` alone."""
    names = {path.name for path in inside} - {path.name for path in found.values()}
    for path in found.values():
        beside = {below.name for below in entries(path, address) if below.is_dir()} & names
        if not names or len(found) > 1 or beside:
            raise fpframe.DataError(
                f"{base} has '{path.name}' but no 'train' ({address}); add it, or open a folder that holds nothing but "
                "one folder for each class"
            )


def _some(paths: Sequence[Path], base: Path) -> str:
    shown = ", ".join(str(path.relative_to(base)) for path in sorted(paths)[:3])
    return shown + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
