"""`Inert`: reads what a pickle holds without importing or calling anything that it names.

A pickle names classes and functions, and says which to call. Here each name stands for something of this room: what
rebuilds tensors and containers, and a `Stub` for all others. It runs in a process of its own all the same.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import tarfile
import types
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, BinaryIO
from unittest import mock

import torch

from fpframe.opening.checkpoints.arrays import Array, DataType
from fpframe.opening.checkpoints.kinds import LEGACY
from fpframe.opening.checkpoints.stubs import Odd, Stub, stub_called

#: Pickles may lie in pickles, as storages of tensors do, though not for ever.
_DEEPEST = 4


class ProgramError(Exception):
    """The file is a TorchScript program."""


class Inert:
    """Reads what a file of `torch.save` or `pickle.dump` holds: tensors on the CPU, plain containers, and stubs.

    Attributes:
        named: the classes and functions that it named and that nothing here stands for, in order.
    """

    def __init__(self) -> None:
        self.named: dict[str, type[Stub]] = {}

    def load(self, file: BinaryIO, *, depth: int = 0) -> object:
        """Return what a file holds.

        Raises:
            ProgramError: it is a TorchScript program.
            Exception: it is damaged; which one depends on where.
        """
        if depth > _DEEPEST:
            raise pickle.UnpicklingError("pickles in pickles")
        start = file.read(512)
        file.seek(0)
        reader = self._reader(depth)
        if not (start.startswith((b"PK", LEGACY)) or start[257:262] == b"ustar"):
            return reader(file, encoding="latin1").load()
        module: Any = types.ModuleType("inert")
        module.Unpickler = reader
        module.load = lambda stream, **options: reader(stream, **options).load()
        with (
            warnings.catch_warnings(),
            # PyTorch goes there by itself, and would run what it finds
            mock.patch.object(torch.jit, "load", _refuse_program),
            # links in old archives are not followed
            mock.patch.object(tarfile.TarFile, "extraction_filter", staticmethod(tarfile.data_filter), create=True),
        ):
            warnings.simplefilter("ignore")  # whatever it warns of, the tensors are checked afterwards
            return torch.load(file, map_location="cpu", pickle_module=module, weights_only=False, encoding="latin1")

    def _reader(self, depth: int) -> type[pickle.Unpickler]:
        def find(module: str, name: str) -> object:
            if (module, name) == ("torch.storage", "_load_from_bytes"):
                return _Maker(lambda content: self.load(io.BytesIO(content), depth=depth + 1))
            return _known(module, name) or self._stub(f"{module}.{name}")

        class Reader(pickle.Unpickler):
            def find_class(self, module: str, name: str) -> Any:
                return find(module, name)

        return Reader

    def _stub(self, name: str) -> type[Stub]:
        if name not in self.named:
            self.named[name] = stub_called(name)
        return self.named[name]


def _refuse_program(*_: object, **__: object) -> object:
    raise ProgramError


def _known(module: str, name: str) -> object | None:
    if module == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
        kind: object = getattr(torch, name)
        return kind
    if module.partition(".")[0] == "torch" and name.endswith("Storage"):
        with contextlib.suppress(KeyError):  # that it lay on a GPU does not matter
            return torch.serialization.StorageType(name)
    if module.partition(".")[0] == "numpy":
        return _ARRAYS.get(name)
    known = _KNOWN.get((module, name))
    if known is None and module == "torch._utils" and name.startswith("_rebuild_"):
        return _Maker(lambda *_: Odd(name.removeprefix("_rebuild_").replace("_", " ")))
    return known


class _Maker:
    """A function that a pickle may call; it can do nothing else with it."""

    __slots__ = ("_make",)
    _make: Callable[..., object]

    def __init__(self, make: Callable[..., object]) -> None:
        object.__setattr__(self, "_make", make)

    def __call__(self, *arguments: Any) -> object:
        return self._make(*arguments)

    def __setattr__(self, name: str, value: object) -> None:
        raise pickle.UnpicklingError("a function that is changed")

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("a function that is changed")


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> object:
    """Rebuild a tensor; `rest` ends in what was only marked in it, such as a change of sign."""
    if len(rest) > 2 and rest[2]:
        return Odd("marked")
    made: object = torch._utils._rebuild_tensor(storage, int(offset), tuple(size), tuple(stride))
    return made


def _tensor_of(storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> object:
    """Rebuild a tensor whose type of numbers has no storage of its own."""
    _, _, kind, *marked = rest
    if any(marked):
        return Odd("marked")
    return torch.empty(0, dtype=kind).set_(storage._untyped_storage, int(offset), tuple(size), tuple(stride))


def _first(data: object, *_: object) -> object:
    return data


def _of_subclass(make: object, _: object, arguments: Any, *__: object) -> object:
    return make(*arguments) if isinstance(make, _Maker) else Odd("another library's")


def _bare(kind: object, *_: object) -> object:
    return kind() if isinstance(kind, type) and issubclass(kind, Stub) else None


#: By name, what stands for the parts of NumPy that rebuild arrays, wherever in it they lie.
_ARRAYS: dict[str, object] = {
    "ndarray": Stub,
    "dtype": _Maker(DataType),
    "_reconstruct": _Maker(lambda *_: Array()),
    "scalar": _Maker(lambda kind, content=b"": Array((1, (), kind, False, content))),
    "_frombuffer": _Maker(lambda content, kind, shape, order: Array((1, shape, kind, order == "F", content))),
}
#: By module and name, what stands for other things that pickles of weights are made of.
_KNOWN: dict[tuple[str, str], object] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): _Maker(lambda *_: {}),
    ("torch._utils", "_rebuild_tensor"): _Maker(_tensor),
    ("torch._utils", "_rebuild_tensor_v2"): _Maker(_tensor),
    ("torch._utils", "_rebuild_tensor_v3"): _Maker(_tensor_of),
    ("torch._utils", "_rebuild_parameter"): _Maker(_first),
    ("torch._utils", "_rebuild_parameter_with_state"): _Maker(_first),
    ("torch._utils", "_rebuild_device_tensor_from_cpu_tensor"): _Maker(_first),
    ("torch._utils", "_rebuild_device_tensor_from_numpy"): _Maker(_first),
    ("torch._tensor", "_rebuild_from_type_v2"): _Maker(_of_subclass),
    ("torch", "Size"): _Maker(lambda sizes=(): tuple(sizes)),
    ("_codecs", "encode"): _Maker(lambda text, _: text.encode("latin1")),
    ("copyreg", "_reconstructor"): _Maker(_bare),
    ("copy_reg", "_reconstructor"): _Maker(_bare),
    **{
        (module, kind.__name__): kind
        for module in ("builtins", "__builtin__")
        for kind in (set, frozenset, complex, bytearray)
    },
}
