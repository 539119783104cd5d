"""`pt2`: programs that ``torch.export.save`` has written."""

from __future__ import annotations

import copy
import zipfile
from pathlib import Path
from typing import ClassVar

import attrs
import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram
from torch.export.passes import move_to_device_pass

import fpframe
from fpframe.errors import first_line
from fpframe.opening import (
    as_input,
    check_input,
    existing_file,
    file_digest,
    in_chunks,
    normaliser,
    open_device,
    open_query,
    refuse_backbone,
)


@attrs.frozen(kw_only=True)
class ExportedProgramFile(fpframe.SuspectSource):
    """Open ``.pt2`` files: a network's graph and weights, without its Python code. Programs in memory are taken too.

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
    batch = check_input([size if isinstance(size, int) else None for size in image.shape], image.dtype, request)
    if any(tensor.device != device for tensor in [*program.state_dict.values(), *program.tensor_constants.values()]):
        program = move_to_device_pass(copy.deepcopy(program), device)
    module, prepare = program.module(), normaliser(request).to(device)

    def ask(pixels: Tensor) -> Tensor:
        answer = module(as_input(prepare(pixels.to(device)), image.dtype))
        if not isinstance(answer, Tensor):
            raise fpframe.ModelError(
                f"the program answers with a {type(answer).__name__} ({request.address}); "
                "export it with one tensor as its output"
            )
        return answer

    return open_query(ask if batch is None else in_chunks(ask, batch), request, digest=digest)


def _load(path: Path) -> ExportedProgram:
    # the loader prints a traceback for a damaged archive, so its checksums are compared first
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError) as error:
        raise fpframe.ModelError(f"'{path}' is damaged, or not a .pt2 file; export it again") from error
    if damaged is not None:
        raise fpframe.ModelError(f"'{path}' is damaged at {damaged}; get a fresh copy")
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


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the source."""
    return [ExportedProgramFile]
