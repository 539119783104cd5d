"""NumPy's files without surprises: no pickles, and nothing larger than the file that it comes from says it may be."""

from __future__ import annotations

import io
import lzma
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from fpframe.base.reading import MOST_OF_DATA, mistaken_for, read_file

#: Bytes of the text that stands before the numbers of an array at most.
_HEADER = 10_000


def read_array(path: str | Path, *, most: int = MOST_OF_DATA) -> np.ndarray:
    """Return the array of a ``.npy`` file of at most so many bytes.

    Raises:
        OSError: it cannot be read, is not a regular file, or is too large.
        ValueError: it is not such a file.
    """
    content = _content(path, most)
    if content.startswith(b"PK"):
        raise ValueError("it is an archive, where one array in a .npy file is needed")
    return _array(content)


def read_arrays(path: str | Path, *, most: int = MOST_OF_DATA) -> Mapping[str, np.ndarray]:
    """Return the arrays of an ``.npz`` file by name; all of them together have at most so many bytes.

    A few bytes may be packed that are many unpacked, so what the archive says of itself is looked at first, and no more
    is unpacked than it says.

    Raises:
        OSError: it cannot be read, is not a regular file, or is too large.
        ValueError: it is not such a file, has a name twice, or is too large when it is unpacked.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(_content(path, most))) as archive:
            entries = archive.infolist()
            names = [entry.filename.removesuffix(".npy") for entry in entries]
            if len(set(names)) < len(names):
                raise ValueError("it holds two arrays of one name")
            size = sum(entry.file_size for entry in entries)
            if size > most:
                raise ValueError(f"it would be {size} bytes unpacked, where at most {most} are needed")
            return {name: _array(_unpacked(archive, entry)) for name, entry in zip(names, entries, strict=True)}
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"it is not a whole archive of arrays: {error}") from error


def _content(path: str | Path, most: int) -> bytes:
    content = read_file(path, most=most)
    if mistaken := mistaken_for(content):
        raise ValueError(mistaken)
    return content


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as file:
        content = file.read(entry.file_size + 1)
    if len(content) != entry.file_size:
        raise ValueError(f"'{entry.filename}' has another size than the archive says")
    return content


def _array(content: bytes) -> np.ndarray:
    stream = io.BytesIO(content)
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"arrays of version {version} are not read")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    try:
        shape, fortran, dtype = read(stream, max_header_size=_HEADER)
    except Exception as error:  # a parser of Python reads it, which stumbles in many ways
        raise ValueError("what stands before its numbers cannot be read") from error
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which could run code")
    start, size = stream.tell(), math.prod(shape) * dtype.itemsize
    if any(length < 0 for length in shape) or len(content) - start != size:
        raise ValueError(f"it holds {len(content) - start} bytes of numbers where its shape {shape} needs {size}")
    return np.ndarray(shape, dtype, content, start, order="F" if fortran else "C").copy()
