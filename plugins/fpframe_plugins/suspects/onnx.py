"""`onnx`: networks in the open exchange format, run by onnxruntime."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import Any, ClassVar

import attrs
import torch
from torch import Tensor, nn

import fpframe
from fpframe.opening import (
    NetworkOutput,
    as_rows,
    choose_output,
    chosen_note,
    existing_file,
    file_digest,
    in_chunks,
    open_query,
    refuse_backbone,
    take_input,
)
from fpframe.rng import isolated
from fpframe_plugins.suspects._external_data import checked_files, external_files, whole_content
from fpframe_plugins.suspects._runtime import needed_library, not_run, only_input, told_to_nobody

_DTYPES = {
    "tensor(float)": torch.float32,
    "tensor(float16)": torch.float16,
    "tensor(double)": torch.float64,
    "tensor(uint8)": torch.uint8,
    "tensor(int8)": torch.int8,
    "tensor(int16)": torch.int16,
    "tensor(int32)": torch.int32,
    "tensor(int64)": torch.int64,
}


@attrs.frozen(kw_only=True)
class OnnxFile(fpframe.SuspectSource):
    """Open ``.onnx`` files, with as many threads as torch may use, and take sessions of onnxruntime.

    The network must have one input, images of floats or whole numbers. Channels that come last, other colours and
    pixels from 0 to 255 are told from the file, and noted. Of several outputs the one with K columns is read,
    otherwise the first; with ``--outputs labels`` the first one of integers. Weights may lie in further files of its
    folder, which its digest takes in.
    """

    name: ClassVar[str] = "onnx"
    forms: ClassVar[tuple[str, ...]] = ("FILE.onnx",)
    objects: ClassVar[tuple[str, ...]] = ("onnxruntime.InferenceSession",)

    def open(self, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to the network.

        Raises:
            UsageError: a backbone was named, onnxruntime is missing, or it cannot use the device.
            ModelError: the file is missing or damaged, or the network has other classes or other images.
        """
        refuse_backbone(request)
        path = existing_file(request.address)
        weights = checked_files(path)
        digest = file_digest(path, *weights)
        return _query(_session(path, request), request, digest=digest)

    def adapt(self, suspect: Any, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to a session, on the device that it was made for.

        Raises:
            ModelError: the network has other classes or other images.
        """
        return _query(suspect, request)

    def as_network(self, request: fpframe.SuspectRequest) -> nn.Module | None:
        """Return what onnx2torch makes of a file, where it is installed and knows all that is in it."""
        try:
            with warnings.catch_warnings(), isolated(0):
                warnings.simplefilter("ignore")
                network: nn.Module = importlib.import_module("onnx2torch").convert(str(existing_file(request.address)))
        except Exception:  # it knows few operations, and is not needed
            return None
        return network.eval()

    def companions(self, address: str) -> list[str]:
        """Return the files beside it that hold its weights."""
        path = Path(address)
        beside = [path.with_name(f"{path.name}{ending}") for ending in (".data", "_data")]
        found = [each for each in beside if each.is_file()]
        return [str(each) for each in dict.fromkeys([*found, *external_files(path)])]

    def example(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectRequest:
        """Export a model for any number of images."""
        path = folder / "suspect.onnx"
        images = torch.zeros(2, *model.image_shape)
        free = ({0: torch.export.Dim("count")},)
        torch.onnx.export(model, (images,), path, dynamic_shapes=free, dynamo=True, external_data=False, verbose=False)
        return fpframe.SuspectRequest(address=str(path), num_classes=model.num_classes, image_shape=model.image_shape)

    def example_object(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectExample:
        """Return a session of the example."""
        request = self.example(folder, model)
        session = importlib.import_module("onnxruntime").InferenceSession(
            request.address, providers=["CPUExecutionProvider"]
        )
        return fpframe.SuspectExample(request=attrs.evolve(request, address="InferenceSession"), suspect=session)


def _query(session: Any, request: fpframe.SuspectRequest, *, digest: str = "") -> fpframe.Query:
    image = _image(session, request)
    output, chosen = _output(session, request)
    taken = take_input(
        [size if isinstance(size, int) else None for size in image.shape],
        _DTYPES.get(image.type),
        request,
        names=[size if isinstance(size, str) else None for size in image.shape],
    )

    def ask(pixels: Tensor) -> Tensor:
        answer = session.run([output], {image.name: taken(pixels).numpy()})[0]
        return as_rows(torch.from_numpy(answer))

    query = open_query(ask if taken.batch is None else in_chunks(ask, taken.batch), taken.request, digest=digest)
    query.notes = (*taken.notes, *chosen)
    return query


def _session(path: Path, request: fpframe.SuspectRequest) -> Any:
    with told_to_nobody():
        runtime = needed_library("onnxruntime", request, called="onnxruntime", extra="onnx")
    providers = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
    provider = providers.get(request.device.partition(":")[0], "")
    if provider not in runtime.get_available_providers():
        raise fpframe.UsageError(f"onnxruntime cannot use device '{request.device}' here ({request.address}); use cpu")
    _, _, number = request.device.partition(":")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    how = [(provider, {"device_id": number} if number and provider.startswith("CUDA") else {})]
    try:
        try:
            return runtime.InferenceSession(path, options, providers=how)
        except Exception as error:
            if "external" not in str(error):
                raise
            # onnxruntime looks for shapes in the file itself, and some exporters put even these elsewhere
            return runtime.InferenceSession(whole_content(path), options, providers=how)
    except Exception as error:
        network = "an ONNX network that onnxruntime can run"
        raise not_run(error, path, network=network, again="export it again") from error


def _image(session: Any, request: fpframe.SuspectRequest) -> Any:
    inputs = session.get_inputs()
    return only_input(inputs, [entry.name for entry in inputs], request, again="export it")


def _output(session: Any, request: fpframe.SuspectRequest) -> tuple[str, tuple[fpframe.Note, ...]]:
    """Return the name of the output that is read, and what is to be noted of that."""
    outputs = session.get_outputs()
    tensors = [entry for entry in outputs if entry.type.startswith("tensor(") and "string" not in entry.type]
    known = [
        NetworkOutput(
            entry.name, tuple(size if isinstance(size, int) else None for size in entry.shape), "int" in entry.type
        )
        for entry in tensors
    ]
    chosen = choose_output(known, request)
    return str(tensors[chosen].name), chosen_note(known, chosen, request)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the source."""
    return [OnnxFile]
