"""`hugging-face`: image classifiers as transformers saves them into a folder, or holds them in memory."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import attrs
from torch import nn

import fpframe
from fpframe.errors import first_line
from fpframe.interfaces import is_one_of
from fpframe.opening import module_query, refuse_backbone
from fpframe.rng import isolated
from fpframe_plugins.suspects._folders import config_of, read_json, weights_of

#: The weights of a folder: in one file, or in several with an index.
_SAFETENSORS = ("model.safetensors", "model.safetensors.index.json")
#: The same as pickles, of which tensors alone are read.
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")


@attrs.frozen(kw_only=True)
class HuggingFaceModel(fpframe.SuspectSource):
    """Open folders with ``config.json`` and weights, and take models of transformers.

    A model may come in a pair with its image processor, or in a pipeline. Nothing is fetched, and no code of the folder
    runs: of ``pytorch_model.bin``, where there are no safetensors, tensors alone are read. Every weight of the model
    must be in the folder: transformers itself would make up those that are missing.
    """

    name: ClassVar[str] = "hugging-face"
    forms: ClassVar[tuple[str, ...]] = ("FOLDER/config.json",)
    objects: ClassVar[tuple[str, ...]] = (
        "transformers.PreTrainedModel",
        "transformers.ImageClassificationPipeline",
        "builtins.tuple",
    )

    def matches(self, address: str) -> bool:
        """Tell whether it is the path of a folder whose ``config.json`` names a kind of model of transformers."""
        return "model_type" in config_of(address)

    def adapts(self, suspect: object) -> bool:
        """Tell whether it is a model, a pipeline of images, or a pair of a model and its image processor."""
        if isinstance(suspect, tuple):
            return len(suspect) == 2 and is_one_of(suspect[0], self.objects[:1])
        return is_one_of(suspect, self.objects)

    def open(self, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to the model in a folder.

        Raises:
            UsageError: a backbone was named, or transformers is not installed.
            ModelError: the folder is damaged, has no weights that can be read, or does not fit.
        """
        refuse_backbone(request)
        folder = Path(request.address)
        weights = weights_of(folder, (*_SAFETENSORS, *_PICKLES), saver="save_pretrained")
        try:
            transformers = importlib.import_module("transformers")
        except ImportError as error:
            raise fpframe.UsageError(f"transformers is not installed ({folder}); pip install 'fpframe[hf]'") from error
        if weights.name in _SAFETENSORS:
            return _asked(_loaded(transformers, folder), request, settings=_settings(folder))
        model, notes = _unpickled(transformers, weights, request)
        query = _asked(model, request, settings=_settings(folder))
        query.notes = (*query.notes, *notes)
        return query

    def adapt(self, suspect: Any, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to a model in memory.

        Raises:
            UsageError: there is no such device.
        """
        pair = suspect if isinstance(suspect, tuple) else (suspect, getattr(suspect, "image_processor", None))
        model, processor = pair
        settings = {} if processor is None else json.loads(processor.to_json_string())
        return _asked(model if isinstance(model, nn.Module) else model.model, request, settings=settings)

    def example(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectExample:
        """Save a small network of random weights, since transformers has none that could hold the model."""
        request = fpframe.SuspectRequest(
            address=str(folder), num_classes=model.num_classes, image_shape=model.image_shape
        )
        network = _small(model)
        network.save_pretrained(folder)
        return fpframe.SuspectExample(request=request, model=_as_classifier(network, model))

    def example_object(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectExample:
        """Return such a network."""
        network = _small(model)
        request = fpframe.SuspectRequest(
            address="ResNetForImageClassification", num_classes=model.num_classes, image_shape=model.image_shape
        )
        return fpframe.SuspectExample(request=request, suspect=network, model=_as_classifier(network, model))


class _Logits(nn.Module):
    """The logits of a network of transformers."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Any) -> Any:
        """Return logits ``(N, K)``."""
        return self.network(pixels).logits


def _asked(model: nn.Module, request: fpframe.SuspectRequest, *, settings: Mapping[str, Any]) -> fpframe.Query:
    """Return access to a model, whose answers are logits; images are prepared as its processor's settings say.

    What somebody says otherwise goes before that.
    """
    if request.outputs == "auto":
        request = attrs.evolve(request, outputs="logits")
    if not settings or str(request.preparation):
        return module_query(model, request)
    preparation = fpframe.Preparation.from_preprocessor_config(settings)
    query = module_query(model, attrs.evolve(request, preparation=preparation))
    query.notes = (*query.notes, f"Images were prepared as the suspect's image processor says: {preparation}.")
    return query


def _settings(folder: Path) -> Mapping[str, Any]:
    """Return the settings of the image processor in a folder; nothing where there is none."""
    found = read_json(folder / "preprocessor_config.json") or read_json(folder / "processor_config.json")
    inner = found.get("image_processor")
    return inner if isinstance(inner, Mapping) else found


def _loaded(transformers: Any, folder: Path) -> nn.Module:
    kinds = transformers.AutoModelForImageClassification
    options = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True}
    try:
        with _quiet(transformers), isolated(0):
            model, told = kinds.from_pretrained(str(folder), output_loading_info=True, **options)
    except Exception as error:
        raise _unreadable(folder, error) from error
    lacking = sorted([*told.get("missing_keys", ()), *(str(key) for key in told.get("mismatched_keys", ()))])
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise fpframe.ModelError(
            f"the weights '{lacking[0]}'{more} are missing, or of another shape ({folder}); save the classifier with "
            "its head, by save_pretrained"
        )
    network: nn.Module = model.eval()
    return network


def _unpickled(
    transformers: Any, weights: Path, request: fpframe.SuspectRequest
) -> tuple[nn.Module, tuple[fpframe.Note, ...]]:
    """Return the network that a config describes with weights of a pickle, and what was done to make them fit."""
    folder = weights.parent
    try:
        with _quiet(transformers), isolated(0):
            config = transformers.AutoConfig.from_pretrained(
                str(folder), local_files_only=True, trust_remote_code=False
            )
            model = transformers.AutoModelForImageClassification.from_config(config, trust_remote_code=False)
    except Exception as error:
        raise _unreadable(folder, error) from error
    network: nn.Module = model.eval()
    whole = fpframe.Classifier(network, num_classes=config.num_labels, image_shape=request.prepared_shape)
    loaded = fpframe.load_weights(whole, weights)
    notes = (attrs.evolve(note, text=note.text.replace("{whose}", "suspect")) for note in loaded.liberties)
    return network, tuple(notes)


def _unreadable(folder: Path, error: Exception) -> fpframe.ModelError:
    return fpframe.ModelError(
        f"the folder holds no image classifier that transformers can read: {first_line(error)} ({folder}); save it "
        "again with save_pretrained"
    )


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Keep transformers from drawing its bar, and from warning of what is looked at here."""
    log = transformers.utils.logging
    level, bar = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if bar:
            log.enable_progress_bar()


def _small(model: fpframe.Classifier) -> Any:
    transformers = importlib.import_module("transformers")
    config = transformers.ResNetConfig(
        num_channels=model.image_shape[0], embedding_size=4, hidden_sizes=[4], depths=[1], num_labels=model.num_classes
    )
    with isolated(0):
        return transformers.ResNetForImageClassification(config).eval()


def _as_classifier(network: nn.Module, model: fpframe.Classifier) -> fpframe.Classifier:
    return fpframe.Classifier(_Logits(network), num_classes=model.num_classes, image_shape=model.image_shape).eval()


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the source."""
    return [HuggingFaceModel]
