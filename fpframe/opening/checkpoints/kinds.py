"""What a file is by what it holds, for those that people take for weights and that are something else."""

from __future__ import annotations

import pickletools
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO

from fpframe.errors import ModelError

#: How files begin that PyTorch wrote before release 1.6: with a pickled number.
LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."

_OBJECT = "load it where you trust it, and give the object itself to fpframe.verify, or name python:MODULE:FUNCTION"
_PACKED = "it is compressed; unpack it, and name the file of weights in it"
_EXPORT = "export the model as ONNX, such as with tf2onnx"
_PT2 = "it is an exported program of PyTorch; call it .pt2"

#: By where they stand, the bytes that other kinds of files begin with, and what these are.
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89HDF\r\n\x1a\n", f"it is HDF5, which Keras writes; {_EXPORT}"),
    (4, b"TFL3", "it is a TFLite model; call it .tflite"),
    (0, b"GGUF", "it is GGUF, the quantised weights of another program; get the weights that it was made from"),
    (0, b"\x93NUMPY", "it is one array of NumPy; save a state dict"),
    *(
        (0, start, _PACKED)
        for start in (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!")
    ),
)
#: By how the name of a member ends, the archives that are something else, and what these are.
_MEMBERS: tuple[tuple[str, str], ...] = (
    ("model.weights.h5", f"it is a Keras model; {_EXPORT}"),
    ("archive_format", _PT2),
    ("serialized_exported_program.json", _PT2),
    (
        "constants.pkl",
        "it is a TorchScript program, not a state dict; load it with torch.jit.load where you trust it, and give the "
        "program itself to fpframe.verify, or save its state_dict()",
    ),
    (".npy", "it is an archive of NumPy's arrays; save a state dict as .safetensors"),
)
#: By a file in them, the folders that are something else, and what these are.
_FOLDERS: tuple[tuple[str, str], ...] = (
    (
        "*.distcp",
        "it holds parts of a distributed checkpoint; turn it into one file with "
        "python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER FILE",
    ),
    ("*zero_pp_rank_*", "it holds parts of DeepSpeed; turn them into one file with its zero_to_fp32.py"),
    ("*/*zero_pp_rank_*", "it holds parts of DeepSpeed; turn them into one file with its zero_to_fp32.py"),
    ("data.pkl", "it is a file of PyTorch that was unpacked; name the file itself"),
    ("saved_model.pb", "it is a SavedModel of TensorFlow; export it as ONNX with tf2onnx --saved-model"),
)
#: Libraries whose pickled objects are no networks of PyTorch.
_LIBRARIES = ("sklearn", "xgboost", "lightgbm", "catboost", "joblib", "keras", "tensorflow", "pandas", "onnx")
#: Containers, and what rebuilds arrays: what pickles of weights begin with.
_OF_WEIGHTS = ("collections", "builtins", "torch", "numpy", "copyreg", "_codecs")
#: Instructions of a pickle that come before its outermost class is named.
_BEFORE = {"PROTO", "FRAME", "MEMOIZE", "SHORT_BINUNICODE", "BINUNICODE"}

#: Instructions that are looked at, at most.
_LOOKED_AT = 256


def kind_of(path: Path) -> str:
    """Return what a file is and what to do about it, where it is something else than weights; or an empty text."""
    try:
        if path.is_dir():
            return next((kind for pattern, kind in _FOLDERS if any(path.glob(pattern))), "")
        with path.open("rb") as file:
            start = file.read(512)
        for offset, signature, kind in _SIGNATURES:
            if start[offset:].startswith(signature):
                return kind
        if start.startswith(b"PK"):
            return _kind_of_archive(path)
        library = outermost_class(path).partition(".")[0]
    except (OSError, ValueError, zipfile.BadZipFile):
        return ""
    return f"it is a pickled object of {library}; {_OBJECT}" if library in _LIBRARIES else ""


def describe_weights(path: Path) -> str:
    """Return what a file of weights holds, for messages.

    Raises:
        ModelError: it is known for something else; says what, and what to do.
    """
    refuse_other_kinds(path)
    whole = outermost_class(path)
    return f"a pickled object of {whole}, whose code is not run," if whole else "weights only"


def refuse_other_kinds(path: Path) -> None:
    """Refuse a file that is known for something else than weights.

    Raises:
        ModelError: says what it is, and what to do.
    """
    if kind := kind_of(path):
        raise ModelError(f"'{path}' holds no weights that can be read: {kind}")


def looks_like_weights(path: Path) -> bool:
    """Tell whether there is a file that begins as safetensors do, as PyTorch writes, or as newer pickles do."""
    try:
        if not path.is_file():
            return False
    except (OSError, ValueError):  # what is no name of a file
        return False
    return looks_like_safetensors(path) or looks_pickled(path)


def looks_like_safetensors(path: Path) -> bool:
    """Tell whether a file begins as safetensors do."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            return length <= path.stat().st_size - 8 and file.read(1) == b"{"
    except (OSError, struct.error):
        return False


def looks_pickled(path: Path) -> bool:
    """Tell whether a file is of `torch.save` or `pickle.dump`."""
    try:
        with path.open("rb") as file:
            start = file.read(2)
        if start == b"PK":
            with zipfile.ZipFile(path) as archive:
                return any(name.endswith("data.pkl") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False
    return start[:1] == b"\x80" and start[1:] in (b"\x02", b"\x03", b"\x04", b"\x05")


def outermost_class(path: Path) -> str:
    """Return the class of the object that a pickle holds, if that is neither a container nor an array; or nothing.

    Nothing of it is run: its instructions are read up to where the class is named.
    """
    try:
        with _pickle(path) as file:
            name = _first_name(file)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError, StopIteration):
        return ""
    return "" if name.partition(".")[0] in _OF_WEIGHTS and not name.startswith("torch.nn.") else name


def _kind_of_archive(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        members = archive.namelist()
    for ending, kind in _MEMBERS:
        if any(member.endswith(ending) for member in members):
            return kind
    return "" if any(member.endswith("data.pkl") for member in members) else _PACKED


@contextmanager
def _pickle(path: Path) -> Iterator[IO[bytes]]:
    """Open the pickle of a file, at its beginning."""
    with path.open("rb") as file:
        start = file.read(len(LEGACY))
        if start.startswith(b"PK"):
            with zipfile.ZipFile(file) as archive:
                member = next((name for name in archive.namelist() if name.endswith("data.pkl")), "data.pkl")
                with archive.open(member) as pickled:
                    yield pickled
            return
        if start == LEGACY:
            for _ in range(2):  # the version, and what the system is like
                next(operation for operation in _operations(file) if operation[0] == "STOP")
        else:
            file.seek(0)
        yield file


def _first_name(file: IO[bytes]) -> str:
    words: list[str] = []
    for operation, argument in _operations(file):
        if operation == "GLOBAL":
            return str(argument).replace(" ", ".")
        if operation == "STACK_GLOBAL":
            return ".".join(words[-2:])
        if operation not in _BEFORE:
            return ""
        if isinstance(argument, str):
            words.append(argument)
    return ""


def _operations(file: IO[bytes]) -> Iterator[tuple[str, object]]:
    for operation, argument, _ in islice(pickletools.genops(file), _LOOKED_AT):
        yield operation.name, argument
