"""What MLflow writes about a model: which files it has, and which of them can be opened."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

import fpframe
from fpframe.errors import first_line
from fpframe_plugins.suspects.hugging_face import HuggingFaceModel
from fpframe_plugins.suspects.onnx import OnnxFile
from fpframe_plugins.suspects.pt2 import ExportedProgramFile

MLMODEL = "MLmodel"
#: Bytes of that file at most.
_MOST = 16 * 2**20


def open_flavour(folder: Path, request: fpframe.SuspectRequest) -> fpframe.Query:
    """Return access to a model by the flavour of it that tells most and can be opened.

    Raises:
        UsageError: it is a ``pt2`` file whose author nobody trusts.
        ModelError: no flavour can be opened, or its file is missing or damaged.
    """
    source, path = _chosen(folder, _flavours(folder, request), request)
    query = source.open(attrs.evolve(request, address=str(path)))
    query.address = request.address
    return query


def _flavours(folder: Path, request: fpframe.SuspectRequest) -> Mapping[str, Any]:
    file = folder / MLMODEL
    try:
        if not file.is_file():
            raise fpframe.ModelError(f"no {MLMODEL} in the folder ({request.address}); check the path")
        if file.stat().st_size > _MOST:
            raise ValueError(f"it is larger than {_MOST} bytes")
        told = importlib.import_module("yaml").safe_load(file.read_text(encoding="utf-8"))
        flavours = told["flavors"]
        if not isinstance(flavours, Mapping):
            raise TypeError("it has no flavours")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise fpframe.ModelError(
            f"the file {MLMODEL} is damaged: {first_line(error)} ({request.address}); log the model again"
        ) from error
    except Exception as error:  # of the reader of YAML
        raise fpframe.ModelError(
            f"the file {MLMODEL} is damaged: {first_line(error)} ({request.address}); log the model again"
        ) from error
    return flavours


def _chosen(
    folder: Path, flavours: Mapping[str, Any], request: fpframe.SuspectRequest
) -> tuple[fpframe.SuspectSource, Path]:
    """Return what opens a model, and the path that it opens."""
    if "onnx" in flavours:
        return OnnxFile(), _inside(folder, _said(flavours, "onnx", "data", "model.onnx"), request)
    if "transformers" in flavours:
        return HuggingFaceModel(), _inside(folder, _said(flavours, "transformers", "model_binary", "model"), request)
    program = _inside(folder, f"{_said(flavours, 'pytorch', 'model_data', 'data')}/model.pt2", request)
    if program.is_file():
        if not request.trust_code:
            raise fpframe.UsageError(
                f"opening a .pt2 file can run its author's code ({request.address}); log the model as ONNX, or say "
                "--trust-code"
            )
        return ExportedProgramFile(), program
    kinds = ", ".join(sorted(map(str, flavours))) or "none"
    raise fpframe.ModelError(
        f"its flavours ({kinds}) are pickles, which run code of their author and are never opened ({request.address}); "
        "log it with mlflow.onnx, or load it yourself and give fpframe.verify what mlflow.pyfunc.load_model returns"
    )


def _said(flavours: Mapping[str, Any], flavour: str, name: str, usual: str) -> str:
    told = flavours.get(flavour)
    value = told.get(name) if isinstance(told, Mapping) else None
    return value if isinstance(value, str) else usual


def _inside(folder: Path, name: str, request: fpframe.SuspectRequest) -> Path:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise fpframe.ModelError(f"the model says that it lies outside of its folder ({request.address}); log it again")
    return path


def write_example(folder: Path, model: fpframe.Classifier) -> None:
    """Write a model that ends in its only layer, as MLflow writes one of the flavour ``onnx``."""
    onnx = importlib.import_module("onnx")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    weight = model.module[-1].weight.detach().numpy().T  # type: ignore[index]  # what it ends in
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["images"], ["rows"]), helper.make_node("MatMul", ["rows", "weight"], ["logits"])],
        "suspect",
        [helper.make_tensor_value_info("images", floats, ["count", *model.image_shape])],
        [helper.make_tensor_value_info("logits", floats, ["count", model.num_classes])],
        [onnx.numpy_helper.from_array(weight.copy(), "weight")],
    )
    folder.mkdir(exist_ok=True)
    opsets = [helper.make_opsetid("", 17)]
    onnx.save_model(helper.make_model(graph, opset_imports=opsets, ir_version=9), folder / "model.onnx")
    (folder / MLMODEL).write_text("flavors:\n  onnx:\n    data: model.onnx\n", encoding="utf-8")
