"""`http`, `oip`, `invocations`, `predict` and `hf`: suspects that are services."""

from __future__ import annotations

import importlib
import json
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import attrs

import fpframe
from fpframe.base import Address
from fpframe.models import PLAIN, as_preparation
from fpframe.opening import open_query, refuse_backbone
from fpframe_plugins.suspects.remote.description import Description, preset, read_description
from fpframe_plugins.suspects.remote.example import serve_example


@attrs.frozen(kw_only=True)
class _ServiceSource(fpframe.SuspectSource):
    """Ask a service over HTTP, as a description says."""

    needs_network: ClassVar[bool] = True
    is_service: ClassVar[bool] = True

    @abstractmethod
    def describe(self, address: str) -> Description:
        """Return the description of the service at an address.

        Raises:
            UsageError: it cannot be read, or contradicts itself.
        """

    def matches(self, address: str) -> bool:
        """Tell whether its prefix is the name of the source."""
        return Address.parse(address).prefix == self.name

    def variables(self, address: str) -> Sequence[str]:
        """Return the environment variables that its headers come from."""
        return sorted({header.env for header in self.describe(address).headers.values() if header.env})

    def open(self, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to the service. Nothing is sent yet.

        Raises:
            UsageError: the description contradicts itself, a secret or a library is missing, or another run asks it.
            ResourceError: the budget does not pay for what is planned.
        """
        refuse_backbone(request)
        description = self.describe(request.address)
        request = _prepared(description, request)
        try:
            remote = importlib.import_module("fpframe_plugins.suspects.remote.service")
        except ImportError as error:
            raise fpframe.UsageError(
                f"{error.name} is not installed ({request.address}); pip install 'fpframe[remote]'"
            ) from error
        try:
            service = remote.Service(description, request)
        except ValueError as error:
            raise fpframe.UsageError(f"{error} ({request.address}); mend the description of the service") from error
        names = description.answer.classes or request.classes
        request = attrs.evolve(request, batch_size=service.images, classes=names)
        told = description.answer.outputs
        query = open_query(service.ask, request, outputs=told if request.outputs == "auto" else None)
        query.ask_all, query.meter = service.ask_all, service
        if description.request.image == "jpeg":
            query.notes = ["The service was sent JPEG files, which are not quite the images that others were asked."]
        return query


@attrs.frozen(kw_only=True)
class HttpService(_ServiceSource):
    """Ask the service that a file of TOML describes.

    The page "Verify a service" lists what the file says. Secrets never stand in it.
    """

    name: ClassVar[str] = "http"
    forms: ClassVar[tuple[str, ...]] = ("http:SERVICE.toml",)

    def describe(self, address: str) -> Description:
        """Read the file."""
        path = Address.parse(address).rest
        if path.startswith("//"):
            raise fpframe.UsageError(
                f"how that service is asked is not known ({address}); put oip:, invocations:, predict: or hf: before "
                "its URL, or name a file that describes it with http:SERVICE.toml"
            )
        try:
            return read_description(path)
        except fpframe.RecipeError as error:
            raise fpframe.RecipeError(f"'{address}' cannot be asked: {error}") from error

    def example(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectRequest:
        """Serve a model to this machine, and describe that service in a file."""
        url = serve_example(model, "predict")
        (folder / "service.toml").write_text(
            f'url = "{url}"\nimages = 8\n[request]\ntemplate = \'{{"instances": "{{images}}"}}\'\n'
            '[answer]\nat = "$.predictions"\n'
        )
        return _requested(f"http:{folder / 'service.toml'}", model)


@attrs.frozen(kw_only=True)
class OpenInference(_ServiceSource):
    """Ask a server of the Open Inference Protocol, version 2, such as KServe, Triton, MLServer or OpenVINO.

    After ``#`` an output may be named, such as ``#predict_proba`` for scikit-learn models on MLServer.
    """

    name: ClassVar[str] = "oip"
    forms: ClassVar[tuple[str, ...]] = ("oip:http://HOST:PORT/v2/models/NAME",)

    def describe(self, address: str) -> Description:
        """Return the description of the protocol."""
        url, _, output = Address.parse(address).rest.partition("#")
        model = url.removesuffix("/").removesuffix("/infer")
        description = preset(self.name, f"{model}/infer", address=address, metadata=model)
        return named_output(description, output) if output else description

    def example(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectRequest:
        """Serve a model to this machine."""
        return _requested(f"oip:{serve_example(model, self.name)}", model)


@attrs.frozen(kw_only=True)
class _Preset(_ServiceSource):
    """Ask a service of a protocol whose description is shipped."""

    def describe(self, address: str) -> Description:
        """Return the description of the protocol."""
        return preset(self.name, Address.parse(address).rest, address=address)

    def example(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectRequest:
        """Serve a model to this machine."""
        return _requested(f"{self.name}:{serve_example(model, self.name)}", model)


@attrs.frozen(kw_only=True)
class Invocations(_Preset):
    """Ask a service of ``mlflow models serve`` or SageMaker: ``inputs`` are answered with ``predictions``."""

    name: ClassVar[str] = "invocations"
    forms: ClassVar[tuple[str, ...]] = ("invocations:http://HOST:PORT/invocations",)


@attrs.frozen(kw_only=True)
class Predict(_Preset):
    """Ask a service of TF Serving, Vertex AI or LitServe: ``instances`` are answered with ``predictions``."""

    name: ClassVar[str] = "predict"
    forms: ClassVar[tuple[str, ...]] = ("predict:http://HOST:PORT/v1/models/NAME:predict",)


@attrs.frozen(kw_only=True)
class HuggingFace(_Preset):
    """Ask a service that takes one PNG file, and answers with a list of ``label`` and ``score``."""

    name: ClassVar[str] = "hf"
    forms: ClassVar[tuple[str, ...]] = ("hf:https://HOST/models/NAME",)


def named_output(description: Description, name: str) -> Description:
    """Return a description that asks an Open Inference server for one output."""
    template = description.request.template.rstrip()
    asked = f'{template[:-1]}, "outputs": [{{"name": {json.dumps(name)}}}]}}'
    return attrs.evolve(description, request=attrs.evolve(description.request, template=asked))


def _prepared(description: Description, request: fpframe.SuspectRequest) -> fpframe.SuspectRequest:
    """Return a request with the preparation that the description says, which must fit what is sent."""
    if description.preparation:
        said = as_preparation(description.preparation)
        if request.preparation not in (PLAIN, said):
            raise fpframe.UsageError(
                f"the description says how images are prepared, and --input says it otherwise ({request.address}); "
                "leave one of them out"
            )
        request = attrs.evolve(request, preparation=said)
    if description.request.image in ("png", "jpeg"):
        _check_files(request)
    return request


def _check_files(request: fpframe.SuspectRequest) -> None:
    prepared = request.preparation
    if prepared.normalises or prepared.layout not in ("", "nchw") or prepared.scale != 1:
        raise fpframe.UsageError(
            f"'{prepared}' makes numbers that no image file holds ({request.address}); say only how files are resized, "
            "cropped and coloured"
        )
    channels = request.prepared_shape[0]
    if channels not in (1, 3):
        raise fpframe.UsageError(
            f"images of {channels} channels cannot be sent as files ({request.address}); the service must take numbers"
        )


def _requested(address: str, model: fpframe.Classifier) -> fpframe.SuspectRequest:
    return fpframe.SuspectRequest(
        address=address,
        num_classes=model.num_classes,
        image_shape=model.image_shape,
        outputs="auto" if address.startswith("hf:") else "logits",
    )


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the sources."""
    return [HttpService, OpenInference, Invocations, Predict, HuggingFace]
