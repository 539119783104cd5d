"""`mlflow` and `mlflow-folder`: models of a registry of MLflow, in folders, and in memory."""

from __future__ import annotations

import importlib
import io
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np
import torch
from torch import Tensor

import fpframe
from fpframe.base import Address
from fpframe.errors import first_line
from fpframe.opening import as_input, function_query, refuse_backbone
from fpframe.rng import isolated
from fpframe_plugins._mlflow import mlflow_library
from fpframe_plugins.suspects._layout import laid_out
from fpframe_plugins.suspects._mlmodel import MLMODEL, open_flavour, write_example

#: Element types of images, by what MLflow calls them.
_DTYPES = {
    "float16": torch.float16,
    "float32": torch.float32,
    "float64": torch.float64,
    "uint8": torch.uint8,
}
#: The file of the registry of examples.
_EXAMPLE = "fpframe-examples.db"


@attrs.frozen(kw_only=True)
class MlflowRegistry(fpframe.SuspectSource):
    """Open ``mlflow:models:/NAME/VERSION``, and take what ``mlflow.pyfunc.load_model`` returns.

    The registry is the one of ``MLFLOW_TRACKING_URI``, which ``--env`` hands over. Of a model's flavours ``onnx`` is
    opened, ``transformers``, and ``pt2`` where ``--trust-code`` allows it; those that are pickles never are.
    """

    name: ClassVar[str] = "mlflow"
    forms: ClassVar[tuple[str, ...]] = ("mlflow:models:/NAME/VERSION",)
    objects: ClassVar[tuple[str, ...]] = ("mlflow.PyFuncModel",)
    needs_network: ClassVar[bool] = True

    def open(self, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to a model of the registry.

        Raises:
            UsageError: it is no address of a model, mlflow is not installed, or a backbone was named.
            ModelError: there is no such model, or none of its flavours is opened.
        """
        refuse_backbone(request)
        uri = Address.parse(request.address).rest
        if not uri.startswith("models:/"):
            raise fpframe.UsageError(
                f"'{uri}' is not a model of a registry ({request.address}); write mlflow:models:/NAME/VERSION"
            )
        mlflow_library(request.address)
        with tempfile.TemporaryDirectory() as folder:
            try:
                with isolated(0), redirect_stderr(io.StringIO()):  # it draws a bar
                    path = _fetched(uri, folder)
            except Exception as error:
                raise fpframe.ModelError(
                    f"no such model can be fetched from the registry: {first_line(error)} ({request.address}); check "
                    "its name and version, and hand the registry over with --env MLFLOW_TRACKING_URI"
                ) from error
            return open_flavour(path, request)

    def adapt(self, suspect: Any, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to a model in memory, which gets images as its signature says, or ``(N, C, H, W)``.

        Raises:
            ModelError: its signature is for other images.
        """
        lay_out = _layout(suspect.metadata.get_input_schema(), request)

        def ask(pixels: Tensor) -> Any:
            answers = suspect.predict(lay_out(pixels.cpu()))
            return answers.to_numpy() if hasattr(answers, "to_numpy") else answers

        return function_query(ask, request)

    @contextmanager
    def example(self, folder: Path, model: fpframe.Classifier) -> Iterator[fpframe.SuspectRequest]:
        """Register a model in a new registry, the current one inside the block; in a block inside, in the same one."""
        mlflow = importlib.import_module("mlflow")
        stored = folder / "model"
        write_example(stored, model)
        before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
        if not before[0].endswith(_EXAMPLE):
            mlflow.set_tracking_uri(f"sqlite:///{folder / _EXAMPLE}")
            mlflow.set_registry_uri(None)
        try:
            client, name = mlflow.MlflowClient(), f"suspect-{folder.name}"
            client.create_registered_model(name)
            client.create_model_version(name, source=str(stored))
            yield fpframe.SuspectRequest(
                address=f"mlflow:models:/{name}/1", num_classes=model.num_classes, image_shape=model.image_shape
            )
        finally:
            mlflow.set_tracking_uri(before[0])
            mlflow.set_registry_uri(before[1])

    def example_object(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectExample:
        """Return a model of Python code that asks the model."""
        pyfunc = importlib.import_module("mlflow.pyfunc")

        class Asking(pyfunc.PythonModel):  # type: ignore[misc,name-defined]  # of a library that may be missing
            def predict(self, context: Any, model_input: np.ndarray, params: Any = None) -> np.ndarray:
                answers: np.ndarray = model.logits(torch.as_tensor(model_input)).numpy()
                return answers

        request = fpframe.SuspectRequest(
            address="PyFuncModel", num_classes=model.num_classes, image_shape=model.image_shape
        )
        path = folder / "pyfunc"
        pyfunc.save_model(path, python_model=Asking())
        return fpframe.SuspectExample(request=request, suspect=pyfunc.load_model(str(path)))


@attrs.frozen(kw_only=True)
class MlflowFolder(fpframe.SuspectSource):
    """Open folders with a file ``MLmodel``, as MLflow saves models; see `mlflow` for their flavours."""

    name: ClassVar[str] = "mlflow-folder"
    forms: ClassVar[tuple[str, ...]] = (f"FOLDER/{MLMODEL}",)

    def open(self, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to the model in a folder.

        Raises:
            UsageError: a backbone was named, or nobody trusts the author of a ``pt2`` file.
            ModelError: the folder is damaged, or none of its flavours is opened.
        """
        refuse_backbone(request)
        return open_flavour(Path(request.address), request)

    def example(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectRequest:
        """Write a folder with the flavour ``onnx``."""
        write_example(folder, model)
        return fpframe.SuspectRequest(address=str(folder), num_classes=model.num_classes, image_shape=model.image_shape)


def _fetched(uri: str, folder: str) -> Path:
    """Return the folder of a model: where it lies, if that is on this machine, and otherwise a copy in a folder.

    MLflow itself would copy it in both cases, with the times and modes of its files. A suspect's own process may set
    neither, and needs no copy.
    """
    models = importlib.import_module("mlflow.store.artifact.models_artifact_repo").ModelsArtifactRepository
    local = importlib.import_module("mlflow.store.artifact.local_artifact_repo").LocalArtifactRepository
    version, inside = models.split_models_uri(uri)
    kept = models(version)
    while isinstance(kept, models):  # a version of a model that was logged points to that model, which points to files
        kept = kept.repo
    return Path(kept.download_artifacts(inside, None if isinstance(kept, local) else folder))


def _layout(schema: Any, request: fpframe.SuspectRequest) -> Callable[[Tensor], Any]:
    """Return what lays images ``(N, C, H, W)`` out as a signature says."""
    if schema is None:
        return lambda images: images.numpy()
    inputs = list(schema.inputs)
    if not schema.is_tensor_spec():
        if len(inputs) != math.prod(request.prepared_shape):
            raise _other(f"{len(inputs)} columns", request)
        names = schema.input_names() if schema.has_input_names() else None
        return lambda images: _table(images.flatten(1).double().numpy(), names)
    if len(inputs) != 1:
        raise _other(f"{len(inputs)} inputs", request)
    dtype = _DTYPES.get(str(inputs[0].type))
    turned = laid_out(request, tuple(inputs[0].shape)[1:])
    if turned is None:
        raise _other(f"images of shape {tuple(inputs[0].shape)[1:]}", request)
    if dtype is None:
        raise _other(f"elements of type {inputs[0].type}", request)
    name = inputs[0].name

    def lay_out(images: Tensor) -> np.ndarray | Mapping[str, np.ndarray]:
        array: np.ndarray = turned(as_input(images, dtype)).contiguous().numpy()
        return array if name is None else {name: array}

    return lay_out


def _table(rows: np.ndarray, names: list[str] | None) -> Any:
    return importlib.import_module("pandas").DataFrame(rows, columns=names)


def _other(what: str, request: fpframe.SuspectRequest) -> fpframe.ModelError:
    return fpframe.ModelError(
        f"the signature of the suspect is for {what} where the queries are images of shape {request.prepared_shape} "
        f"(channels, height, width) ({request.address}); give a function from pixels to answers"
    )


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the sources."""
    return [MlflowRegistry, MlflowFolder]
