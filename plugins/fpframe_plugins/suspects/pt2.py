"""`pt2`: programs that ``torch.export.save`` has written."""

from __future__ import annotations

import copy
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import attrs
import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram
from torch.export.passes import move_to_device_pass
from torch.utils import _pytree as pytree

import fpframe
from fpframe.errors import first_line
from fpframe.opening import (
    BatchLimits,
    NetworkOutput,
    as_rows,
    choose_output,
    existing_file,
    file_digest,
    open_device,
    open_query,
    refuse_backbone,
    take_input,
)

#: Above this a bound is none: exporters write "no limit" as a large number.
_ENDLESS = 2**31


@attrs.frozen(kw_only=True)
class ExportedProgramFile(fpframe.SuspectSource):
    """Open ``.pt2`` files: a network's graph and weights, without its Python code. Programs in memory are taken too.

    Its input may be an argument by position or by name, or lie in a tuple or dict. Of several outputs, in a tuple or
    dict, the one with K columns is read. How many images it takes at once is kept to, as the program records it.

    Opening such a file can run code that its author hid in it: PyTorch reads parts of it with the
    unrestricted unpickler and evaluates its shape expressions. So it is refused unless somebody says
    ``--trust-code``. Training-time behaviour such as dropout is frozen into the graph as it was at export.
    """

    name: ClassVar[str] = "pt2"
    forms: ClassVar[tuple[str, ...]] = ("FILE.pt2",)
    objects: ClassVar[tuple[str, ...]] = ("torch.ExportedProgram",)

    def open(self, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to the program.

        Raises:
            UsageError: nobody trusts its author, a backbone was named, or there is no such device.
            ModelError: the file is missing or damaged, or the program takes other images.
        """
        refuse_backbone(request)
        path = existing_file(request.address)
        if not request.trust_code:
            raise fpframe.UsageError(
                f"opening a .pt2 file can run its author's code ({request.address}); ask for ONNX or safetensors, or "
                "say --trust-code"
            )
        digest = file_digest(path)  # before its author's code may have a say in it
        query = _query(_load(path), request, digest=digest)
        query.notes = (
            fpframe.Note(
                "code-trusted",
                "Opening the suspect's file can run code of its author, and --trust-code allowed it: what the suspect "
                "answers may depend on more than the images.",
            ),
            *query.notes,
        )
        return query

    def adapt(self, suspect: ExportedProgram, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to a program in memory.

        Raises:
            UsageError: there is no such device.
            ModelError: the program takes other images.
        """
        return _query(suspect, request)

    def example(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectRequest:
        """Export a model for any number of images."""
        path = folder / "suspect.pt2"
        images = torch.zeros(2, *model.image_shape)
        torch.export.save(torch.export.export(model, (images,), dynamic_shapes=({0: Dim("count")},)), path)
        return fpframe.SuspectRequest(
            address=str(path), num_classes=model.num_classes, image_shape=model.image_shape, trust_code=True
        )

    def example_object(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectExample:
        """Return a program for any number of images."""
        images = torch.zeros(2, *model.image_shape)
        program = torch.export.export(model, (images,), dynamic_shapes=({0: Dim("count")},))
        request = fpframe.SuspectRequest(
            address="ExportedProgram", num_classes=model.num_classes, image_shape=model.image_shape
        )
        return fpframe.SuspectExample(request=request, suspect=program)


def _query(program: ExportedProgram, request: fpframe.SuspectRequest, *, digest: str = "") -> fpframe.Query:
    device = open_device(request.device)
    image = _image(program, request)
    limits = _limits(program, image, request)
    taken = take_input(_sizes(image), image.dtype, request)
    if any(tensor.device != device for tensor in [*program.state_dict.values(), *program.tensor_constants.values()]):
        program = move_to_device_pass(copy.deepcopy(program), device)
    module, takes = program.module(), program.call_spec.in_spec

    def ask(pixels: Tensor) -> Tensor:
        positional, named = pytree.tree_unflatten([taken(pixels.to(device))], takes)
        return _answer(module(*positional, **named), request)

    query = open_query(limits(ask), taken.request, digest=digest)
    query.notes = taken.notes
    return query


def _load(path: Path) -> ExportedProgram:
    # the loader prints a traceback for a damaged archive, so its checksums are compared first
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            script = any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError) as error:
        raise fpframe.ModelError(f"'{path}' is damaged, or not a .pt2 file; export it again") from error
    if damaged is not None:
        raise fpframe.ModelError(f"'{path}' is damaged at {damaged}; get a fresh copy")
    if script:
        raise fpframe.ModelError(
            f"'{path}' is TorchScript; load it with torch.jit.load, and write it with torch.onnx.export as .onnx"
        )
    try:
        return torch.export.load(path)
    except Exception as error:
        raise fpframe.ModelError(
            f"'{path}' holds no exported program that can be read: {first_line(error)}; write it with torch.export.save"
        ) from error


def _image(program: ExportedProgram, request: fpframe.SuspectRequest) -> Tensor:
    """Return the stand-in for the program's one input; its shape holds symbols where it is free."""
    inputs = [
        node.meta["val"]
        for node in program.graph.nodes
        if node.op == "placeholder" and node.name in program.graph_signature.user_inputs
    ]
    if len(inputs) != 1 or not isinstance(inputs[0], Tensor):
        raise fpframe.ModelError(
            f"the program takes {len(inputs)} inputs where one batch of images is asked ({request.address}); "
            "export it with the images as its only input"
        )
    return inputs[0]


def _sizes(tensor: Tensor) -> list[int | None]:
    return [size if isinstance(size, int) else None for size in tensor.shape]


def _limits(program: ExportedProgram, image: Tensor, request: fpframe.SuspectRequest) -> BatchLimits:
    """Return how many images the program takes at once: a number, or a range of a dimension or of multiples of it."""
    count: Any = image.shape[0] if image.ndim else 1
    if isinstance(count, int):
        return BatchLimits(least=count, most=count, step=count)
    expression = count.node.expr
    symbols = sorted(expression.free_symbols, key=str)
    step = expression.coeff(symbols[0]) if len(symbols) == 1 else None
    if step is None or not step.is_Integer or int(step) < 1 or expression != step * symbols[0]:
        raise fpframe.ModelError(
            f"the program takes {expression} images at once ({request.address}); export it for any number of them"
        )
    bounds = program.range_constraints.get(symbols[0])
    least, most = (1, None) if bounds is None else (_whole(bounds.lower) or 1, _whole(bounds.upper))
    return BatchLimits(least=max(1, least) * int(step), most=most and most * int(step), step=int(step))


def _whole(bound: Any) -> int | None:
    """Return a bound as a number; ``None`` where there is none."""
    try:
        number = int(bound)
    except (TypeError, ValueError, OverflowError, AttributeError):
        return None
    return number if number < _ENDLESS else None


def _answer(made: Any, request: fpframe.SuspectRequest) -> Tensor:
    """Return the answers of what a program returns: of a tuple or dict the tensor that fits."""
    named, _ = pytree.tree_flatten_with_path(made)
    tensors = [(_name(path), leaf) for path, leaf in named if isinstance(leaf, Tensor)]
    if not tensors:
        raise fpframe.ModelError(
            f"the program answers with a {type(made).__name__} without tensors ({request.address}); export it with one "
            "tensor as its output"
        )
    outputs = [
        NetworkOutput(name, tuple(_sizes(tensor)), not tensor.dtype.is_floating_point) for name, tensor in tensors
    ]
    return as_rows(tensors[choose_output(outputs, request)][1])


def _name(path: Sequence[Any]) -> str:
    """Return the keys under which an output lies in dicts; empty for one that only has a place."""
    return ".".join(str(entry.key) for entry in path if hasattr(entry, "key"))


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the source."""
    return [ExportedProgramFile]
