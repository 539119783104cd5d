"""Damage to files, for checks that errors are errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

#: Most files of one example that are damaged, for an example may have many that are alike.
MOST = 4

Harm = Literal["cut", "missing"]
HARMS: tuple[Harm, ...] = ("cut", "missing")


def files_in(folder: Path) -> list[Path]:
    """Return files below a folder, relative to it: all, or a few that are spread over the list."""
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return files[:: max(1, -(-len(files) // MOST))]


@contextmanager
def damaged(file: Path, harm: Harm) -> Iterator[None]:
    """Cut a file in half, or take it away, inside the block."""
    content = file.read_bytes()
    if harm == "cut":
        file.write_bytes(content[: len(content) // 2])
    else:
        file.unlink()
    try:
        yield
    finally:
        file.write_bytes(content)


@contextmanager
def emptied(folder: Path) -> Iterator[None]:
    """Take everything out of a folder inside the block."""
    aside = folder.with_name(f"{folder.name}-aside")
    folder.rename(aside)
    folder.mkdir()
    try:
        yield
    finally:
        folder.rmdir()
        aside.rename(folder)
