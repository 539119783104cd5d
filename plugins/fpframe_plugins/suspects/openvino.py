"""`openvino`: networks in the intermediate form of OpenVINO, a graph with its weights beside it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np
import torch
from torch import Tensor

import fpframe
from fpframe.errors import first_line
from fpframe.opening import (
    BatchLimits,
    NetworkOutput,
    as_rows,
    choose_output,
    chosen_note,
    existing_file,
    file_digest,
    open_query,
    refuse_backbone,
    take_input,
)
from fpframe_plugins.suspects._runtime import needed_library, not_run, only_input

_DTYPES = {
    "f32": torch.float32,
    "f16": torch.float16,
    "f64": torch.float64,
    "u8": torch.uint8,
    "i8": torch.int8,
    "i16": torch.int16,
    "i32": torch.int32,
    "i64": torch.int64,
}
#: Bytes in which a graph says that it is one.
_BEGINNING = 4096


@attrs.frozen(kw_only=True)
class OpenvinoFile(fpframe.SuspectSource):
    """Open ``.xml`` files of OpenVINO with the ``.bin`` of the same name, with as many threads as torch may use.

    It computes in 32-bit floats on the CPU. The network must have one input, images of floats or whole numbers; layout,
    colours and range are told from the file, and noted. Of several outputs the one with K columns is read.
    """

    name: ClassVar[str] = "openvino"
    forms: ClassVar[tuple[str, ...]] = ("FILE.xml",)

    def open(self, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to the network.

        Raises:
            UsageError: a backbone was named, OpenVINO is missing, or another device than the CPU was asked for.
            ModelError: a file is missing or damaged, or the network has other classes or other images.
        """
        refuse_backbone(request)
        path = existing_file(request.address)
        _refuse_other_xml(path)
        weights = _weights(path)
        digest = file_digest(path, *weights)
        library = _library(request)
        graph = _read(library, path, weights)
        image = _image(graph, request)
        sizes, dtype = list(image.partial_shape), _DTYPES.get(image.element_type.get_type_name())
        taken = take_input([_size(size) for size in sizes], dtype, request, names=_names(library, image))
        outputs = [_described(output) for output in graph.outputs]
        index = choose_output(outputs, request)
        network = _compiled(library, graph, path)

        def ask(pixels: Tensor) -> Tensor:
            answers = network(np.ascontiguousarray(taken(pixels).numpy()))
            return as_rows(torch.from_numpy(np.array(answers[index])))

        query = open_query(_limits(sizes[0])(ask), taken.request, digest=digest)
        query.notes = (*taken.notes, *chosen_note(outputs, index, request))
        return query

    def companions(self, address: str) -> list[str]:
        """Return the file with its weights."""
        beside = Path(address).with_suffix(".bin")
        return [str(beside)] if beside.is_file() else []

    def example(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectRequest:
        """Write the layer of a model, for any number of images."""
        openvino = importlib.import_module("openvino")
        steps = importlib.import_module("openvino.opset13")
        weight: Tensor = model.module[-1].weight  # type: ignore[index]
        image = steps.parameter([-1, *model.image_shape], np.float32, name="image")
        rows = steps.reshape(image, np.array([0, -1], np.int64), True)
        logits = steps.matmul(rows, steps.constant(weight.detach().numpy()), False, True)
        path = folder / "suspect.xml"
        openvino.save_model(openvino.Model([logits], [image], "suspect"), str(path), compress_to_fp16=False)
        return fpframe.SuspectRequest(address=str(path), num_classes=model.num_classes, image_shape=model.image_shape)


def _library(request: fpframe.SuspectRequest) -> Any:
    library = needed_library("openvino", request, called="OpenVINO", extra="openvino")
    if request.device != "cpu":
        raise fpframe.UsageError(f"OpenVINO is used on the CPU here, and not on '{request.device}'; use cpu")
    return library


def _refuse_other_xml(path: Path) -> None:
    # OpenVINO tries all the formats that it knows on a file that is not its own
    with path.open("rb") as stream:
        if b"<net" not in stream.read(_BEGINNING):
            raise fpframe.ModelError(f"'{path}' is damaged, or not a network of OpenVINO; convert the network again")


def _weights(path: Path) -> list[Path]:
    """Return the file with the weights, which lies beside the graph and is no link to somewhere else.

    Raises:
        ModelError: it is a link.
    """
    beside = path.with_suffix(".bin")
    if beside.is_symlink():
        raise fpframe.ModelError(
            f"'{beside}', which holds the weights of '{path}', is a link; copy the file to its place"
        )
    return [beside] if beside.is_file() else []


def _read(library: Any, path: Path, weights: list[Path]) -> Any:
    try:
        core = library.Core()
        return core.read_model(str(path), str(weights[0])) if weights else core.read_model(str(path))
    except Exception as error:
        lack = "" if weights else f", and its weights '{path.with_suffix('.bin')}' are missing"
        raise _damaged(path, error, lack) from error


def _compiled(library: Any, graph: Any, path: Path) -> Any:
    settings = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    try:
        return library.Core().compile_model(graph, "CPU", settings)
    except Exception as error:
        raise _damaged(path, error, "") from error


def _damaged(path: Path, error: Exception, lack: str) -> fpframe.FpframeError:
    # the first lines say where in OpenVINO's own sources it happened
    said = [line for line in str(error).splitlines() if line.strip() and not line.startswith("Exception from")]
    reason = said[0].strip() if said else first_line(error)
    network = f"a network that OpenVINO can run{lack}"
    return not_run(error, path, network=network, again="convert the network again", said=reason[:200])


def _image(graph: Any, request: fpframe.SuspectRequest) -> Any:
    image = only_input(graph.inputs, [], request, again="convert it")
    if image.partial_shape.rank.is_dynamic:
        raise fpframe.ModelError(
            f"the suspect does not say how many dimensions its input has ({request.address}); convert it for images"
        )
    return image


def _size(dimension: Any) -> int | None:
    return int(dimension.get_length()) if dimension.is_static else None


def _limits(dimension: Any) -> BatchLimits:
    size = _size(dimension)
    if size is not None:
        return BatchLimits(least=size, most=size, step=size)
    most = int(dimension.get_max_length())
    return BatchLimits(least=max(1, int(dimension.get_min_length())), most=most if 0 < most < 2**31 else None)


def _names(library: Any, image: Any) -> list[str | None]:
    """Return the names of the dimensions, as far as the layout of the input says which are channels."""
    count, helpers = len(list(image.partial_shape)), library.layout_helpers
    layout = image.node.layout
    if not helpers.has_channels(layout):
        return []
    channels = int(helpers.channels_idx(layout)) % count
    return ["c" if index == channels else None for index in range(count)]


def _described(output: Any) -> NetworkOutput:
    names, shape = sorted(output.get_names()), output.partial_shape
    sizes = () if shape.rank.is_dynamic else tuple(_size(size) for size in shape)
    return NetworkOutput(names[0] if names else "", sizes, output.element_type.get_type_name()[0] in "iu")


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the source."""
    return [OpenvinoFile]
