"""`onnx`: networks in the open exchange format, run by onnxruntime."""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path
from typing import Any, ClassVar

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe.errors import first_line, ran_out_of_memory
from fpframe.opening import (
    as_input,
    check_input,
    existing_file,
    file_digest,
    has_suffix,
    in_chunks,
    normaliser,
    open_query,
    refuse_backbone,
)
from fpframe_plugins.suspects._external_data import external_files

_DTYPES = {
    "tensor(float)": torch.float32,
    "tensor(float16)": torch.float16,
    "tensor(double)": torch.float64,
    "tensor(uint8)": torch.uint8,
}


@attrs.frozen(kw_only=True)
class OnnxFile(fpframe.SuspectSource):
    """Open ``.onnx`` files, with as many threads as torch may use.

    The network must have one input, images ``(N, C, H, W)`` of floats or bytes. Of several outputs the one
    with K columns is read, otherwise the first; with ``--outputs labels`` the first one of integers.
    """

    name: ClassVar[str] = "onnx"
    forms: ClassVar[tuple[str, ...]] = ("FILE.onnx",)

    def matches(self, address: str) -> bool:
        """Tell whether it is a path that ends in ``.onnx``."""
        return has_suffix(address, ".onnx")

    def open(self, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to the network.

        Raises:
            UsageError: a backbone was named, onnxruntime is missing, or it cannot use the device.
            ModelError: the file is missing or damaged, or the network has other classes or other images.
        """
        refuse_backbone(request)
        path = existing_file(request.address)
        session = _session(path, request)
        image = _image(session, request)
        output = _output(session, request)
        dtype = _DTYPES.get(image.type)
        batch = check_input([size if isinstance(size, int) else None for size in image.shape], dtype, request)
        prepare = normaliser(request)

        def ask(pixels: Tensor) -> Tensor:
            images = as_input(prepare(pixels), dtype or torch.float32).numpy()
            return torch.from_numpy(session.run([output.name], {image.name: images})[0])

        return open_query(ask if batch is None else in_chunks(ask, batch), request, digest=_digest(path))

    def companions(self, address: str) -> list[str]:
        """Return the files beside it that hold its weights."""
        return [str(path) for path in _weights(Path(address))]

    def example(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectRequest:
        """Export a model for any number of images."""
        path = folder / "suspect.onnx"
        images = torch.zeros(2, *model.image_shape)
        free = ({0: torch.export.Dim("count")},)
        torch.onnx.export(model, (images,), path, dynamic_shapes=free, dynamo=True, external_data=False, verbose=False)
        return fpframe.SuspectRequest(address=str(path), num_classes=model.num_classes, image_shape=model.image_shape)


def _session(path: Path, request: fpframe.SuspectRequest) -> Any:
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise fpframe.UsageError(
            f"onnxruntime is not installed ({request.address}); pip install 'fpframe[onnx]'"
        ) from error
    providers = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
    provider = providers.get(request.device.partition(":")[0], "")
    if provider not in runtime.get_available_providers():
        raise fpframe.UsageError(f"onnxruntime cannot use device '{request.device}' here ({request.address}); use cpu")
    _, _, number = request.device.partition(":")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return runtime.InferenceSession(
            path,
            options,
            providers=[(provider, {"device_id": number} if number and provider.startswith("CUDA") else {})],
        )
    except Exception as error:
        if ran_out_of_memory(error):
            raise fpframe.ResourceError(
                f"the network needs more memory than it may use ({path}); raise --memory"
            ) from error
        raise fpframe.ModelError(
            f"'{path}' is damaged, or not an ONNX network that onnxruntime can run: {first_line(error)}; export it "
            "again"
        ) from error


def _image(session: Any, request: fpframe.SuspectRequest) -> Any:
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = ", ".join(entry.name for entry in inputs)
        raise fpframe.ModelError(
            f"the suspect takes {len(inputs)} inputs ({names}) where one batch of images is asked "
            f"({request.address}); export it with the images as its only input"
        )
    return inputs[0]


def _output(session: Any, request: fpframe.SuspectRequest) -> Any:
    outputs = session.get_outputs()
    tensors = [entry for entry in outputs if entry.type.startswith("tensor(") and "string" not in entry.type]
    if not tensors:
        raise fpframe.ModelError(
            f"the suspect has no tensor of numbers among its outputs ({request.address}); export it without a ZipMap"
        )
    if request.outputs == "labels":
        return next((entry for entry in tensors if "int" in entry.type), tensors[0])
    fitting = [entry for entry in tensors if len(entry.shape) == 2 and entry.shape[1] == request.num_classes]
    chosen = fitting[0] if fitting else tensors[0]
    told = chosen.shape[1] if len(chosen.shape) == 2 else None
    if isinstance(told, int) and told not in (1, request.num_classes):
        raise fpframe.ModelError(
            f"the suspect tells {told} classes where the victim tells {request.num_classes} "
            f"({request.address}); say with --classes which of the victim's they are"
        )
    return chosen


def _digest(path: Path) -> str:
    """Return the file's SHA-256; weights that lie elsewhere are taken in."""
    elsewhere = dict.fromkeys([*_weights(path), *external_files(path)])
    weights = [each for each in elsewhere if each.stat().st_size]
    if not weights:
        return file_digest(path)
    return hashlib.sha256(" ".join(file_digest(each) for each in [path, *weights]).encode()).hexdigest()


def _weights(path: Path) -> list[Path]:
    """Return the files beside it that hold its weights: ``FILE.onnx.data`` of PyTorch, ``FILE.onnx_data`` of others."""
    beside = [path.with_name(f"{path.name}{ending}") for ending in (".data", "_data")]
    return [each for each in beside if each.is_file()]


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the source."""
    return [OnnxFile]
