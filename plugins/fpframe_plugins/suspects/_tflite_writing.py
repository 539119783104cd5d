"""Write a linear network as a ``.tflite`` file, for the conformance kit and for tests."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from torch import Tensor

#: The first four bytes after the offset of every file.
_IDENTIFIER = b"TFL3"


@attrs.frozen
class Stored:
    """How numbers of a tensor are stored: as floats, or as whole numbers ``round(value / scale) + zero``."""

    dtype: str = "float32"
    scale: float = 0.0
    zero: int = 0


def write_linear(
    path: Path,
    weight: Tensor,
    image_shape: tuple[int, int, int],
    *,
    batch: int = 1,
    image: Stored = Stored(),
    answer: Stored = Stored(),
) -> None:
    """Write ``flatten(images) @ weight.T`` for images with channels last.

    Args:
        path: the file.
        weight: ``(K, C * H * W)``, for images that are flattened with channels first.
        image_shape: channels, height and width.
        batch: images at once; -1 for any number.
        image: how the input is stored; anything but floats is dequantised first.
        answer: how the output is stored.
    """
    schema: Any = importlib.import_module("ai_edge_litert.schema_py_generated")
    channels, height, width = image_shape
    classes = len(weight)
    flat = weight.detach().float().reshape(classes, channels, height, width).permute(0, 2, 3, 1).reshape(classes, -1)
    graph = _Graph(schema)
    sizes = [abs(batch), height, width, channels]
    images = graph.tensor("image", sizes, image, signature=[batch, height, width, channels])
    real = images if image.dtype == "float32" else graph.step("DEQUANTIZE", [images], "pixels", sizes)
    rows = graph.step(
        "RESHAPE", [real, graph.constant(np.array([-1, flat.shape[1]], np.int32))], "rows", [1, flat.shape[1]]
    )
    weights = graph.constant(flat.numpy())
    logits = graph.step("FULLY_CONNECTED", [rows, weights, -1], "logits", [abs(batch), classes])
    if answer.dtype != "float32":
        logits = graph.step("QUANTIZE", [logits], "answer", [abs(batch), classes], answer)
    path.write_bytes(graph.packed([images], [logits]))


class _Graph:
    """A graph that is put together tensor by tensor, and packed in the end."""

    def __init__(self, schema: Any) -> None:
        self.schema = schema
        self.buffers, self.codes = [schema.BufferT()], list[Any]()
        self.tensors, self.operators = list[Any](), list[Any]()

    def tensor(
        self, name: str, sizes: list[int], stored: Stored = Stored(), *, signature: list[int] | None = None
    ) -> int:
        made = self.schema.TensorT()
        made.name, made.shape, made.shapeSignature, made.buffer = name, sizes, signature or sizes, 0
        made.type = getattr(self.schema.TensorType, stored.dtype.upper())
        if stored.scale:
            made.quantization = self.schema.QuantizationParametersT()
            made.quantization.scale, made.quantization.zeroPoint = [stored.scale], [stored.zero]
        self.tensors.append(made)
        return len(self.tensors) - 1

    def constant(self, values: np.ndarray) -> int:
        index = self.tensor(f"constant{len(self.tensors)}", list(values.shape), Stored(str(values.dtype)))
        buffer = self.schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), dtype=np.uint8)
        self.buffers.append(buffer)
        self.tensors[index].buffer = len(self.buffers) - 1
        return index

    def step(self, name: str, inputs: list[int], output: str, sizes: list[int], stored: Stored = Stored()) -> int:
        code = self.schema.OperatorCodeT()
        code.builtinCode = getattr(self.schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
        self.codes.append(code)
        made = self.schema.OperatorT()
        made.opcodeIndex, made.inputs = len(self.codes) - 1, inputs
        made.outputs = [self.tensor(output, sizes, stored)]
        if name == "FULLY_CONNECTED":
            made.builtinOptionsType = self.schema.BuiltinOptions.FullyConnectedOptions
            made.builtinOptions = self.schema.FullyConnectedOptionsT()
        self.operators.append(made)
        return int(made.outputs[0])

    def packed(self, inputs: list[int], outputs: list[int]) -> bytes:
        graph = self.schema.SubGraphT()
        graph.tensors, graph.operators, graph.inputs, graph.outputs = self.tensors, self.operators, inputs, outputs
        model = self.schema.ModelT()
        model.version, model.subgraphs, model.buffers, model.operatorCodes = 3, [graph], self.buffers, self.codes
        builder = importlib.import_module("flatbuffers").Builder(1024)
        builder.Finish(model.Pack(builder), _IDENTIFIER)
        return bytes(builder.Output())
