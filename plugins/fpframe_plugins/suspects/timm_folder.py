"""`timm-folder`: networks of timm in folders, as ``timm.models.save_for_hf`` and its hub lay them out."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import attrs
from safetensors import SafetensorError, safe_open

import fpframe
from fpframe.errors import first_line
from fpframe.opening import module_query, refuse_backbone, with_own_classes
from fpframe.rng import isolated
from fpframe_plugins.suspects._folders import config_of, weights_of

_SAFETENSORS = "model.safetensors"
#: The weights of a folder; of a pickle tensors alone are read.
_WEIGHTS = (_SAFETENSORS, "pytorch_model.bin")
#: Arguments of ``timm.create_model`` that make it read or fetch files, which a folder has no say in.
_LOADING = frozenset({"cache_dir", "checkpoint_path", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay"})
#: A network for the example.
_SMALL = "test_resnet"


@attrs.frozen(kw_only=True)
class TimmFolder(fpframe.SuspectSource):
    """Open folders with a ``config.json`` that names an architecture of timm, and its weights.

    They are ``model.safetensors``, or ``pytorch_model.bin``, of which tensors alone are read. Nothing is fetched, and
    no code runs. Every key and shape of the weights must fit.
    """

    name: ClassVar[str] = "timm-folder"
    forms: ClassVar[tuple[str, ...]] = ("FOLDER/config.json",)

    def matches(self, address: str) -> bool:
        """Tell whether it is the path of a folder whose ``config.json`` names an architecture of timm."""
        config = config_of(address)
        return "architecture" in config and "model_type" not in config

    def open(self, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to the network in a folder.

        Raises:
            UsageError: a backbone was named.
            ModelError: the folder is damaged, has no weights that can be read, or does not fit.
        """
        refuse_backbone(request)
        folder, config = Path(request.address), config_of(request.address)
        weights = weights_of(folder, _WEIGHTS, saver="timm.models.save_for_hf")
        if "architecture" not in config:
            raise fpframe.ModelError(
                f"config.json does not say which architecture of timm it is ({folder}); save it again with "
                "timm.models.save_for_hf"
            )
        request, names = with_own_classes(request, _names(config))
        channels = _channels(weights, config, request)
        preparation = None if str(request.preparation) else _preparation(config, channels)
        if preparation is not None:
            request = attrs.evolve(request, preparation=preparation)
        query = module_query(_built(weights, config, request, channels), request)
        if preparation is not None:
            query.notes = (*query.notes, f"Images were prepared as the folder's pretrained_cfg says: {preparation}.")
        query.class_names = names
        return query

    def example(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectExample:
        """Save a small network of random weights, since timm has none that could hold the model."""
        timm = importlib.import_module("timm")
        with isolated(0):
            network = timm.create_model(_SMALL, num_classes=model.num_classes, in_chans=model.image_shape[0]).eval()
        network.pretrained_cfg = {
            "architecture": _SMALL,
            "input_size": model.image_shape,
            "interpolation": "bilinear",
            "crop_pct": 1.0,
            "mean": (0.0,) * model.image_shape[0],
            "std": (1.0,) * model.image_shape[0],
            "first_conv": network.pretrained_cfg["first_conv"],
        }
        timm.models.save_for_hf(network, folder, model_args={"in_chans": model.image_shape[0]}, safe_serialization=True)
        request = fpframe.SuspectRequest(
            address=str(folder), num_classes=model.num_classes, image_shape=model.image_shape
        )
        shown = fpframe.Classifier(network, num_classes=model.num_classes, image_shape=model.image_shape).eval()
        return fpframe.SuspectExample(request=request, model=shown)


def _names(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a folder calls its classes, in order; empty where it does not say."""
    names = config.get("label_names")
    return tuple(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else ()


def _preparation(config: Mapping[str, Any], channels: int) -> fpframe.Preparation | None:
    """Return how images are prepared for a network, as far as its folder says; ``None`` where it does not."""
    settings = config.get("pretrained_cfg")
    settings = settings if isinstance(settings, Mapping) else config
    if "input_size" not in settings:
        return None
    found = fpframe.Preparation.from_pretrained_cfg(settings)
    if channels != 1:
        return found
    # timm keeps those of three colours
    return attrs.evolve(found, channels="grey", mean=_single(found.mean), std=_single(found.std))


def _single(values: tuple[float, ...] | None) -> tuple[float, ...] | None:
    return None if values is None else (sum(values) / len(values),)


def _built(
    weights: Path, config: Mapping[str, Any], request: fpframe.SuspectRequest, channels: int
) -> fpframe.Classifier:
    folder = weights.parent
    timm = importlib.import_module("timm")
    architecture, said = str(config["architecture"]), config.get("model_args")
    if not timm.is_model(architecture):
        raise fpframe.ModelError(
            f"timm knows no architecture '{architecture}' ({folder}); use the version that saved it"
        )
    extra = {name: value for name, value in (said if isinstance(said, Mapping) else {}).items() if name not in _LOADING}
    classes = int(config.get("num_classes") or request.num_classes)
    settings = {"in_chans": channels, **extra, "num_classes": classes}
    try:
        with isolated(0):
            network = timm.create_model(architecture, pretrained=False, **settings).eval()
    except Exception as error:
        raise fpframe.ModelError(
            f"timm cannot build '{architecture}': {first_line(error)} ({folder}); use the version that saved it"
        ) from error
    whole = fpframe.Classifier(
        network, num_classes=classes, image_shape=request.prepared_shape, address=f"timm:{architecture}"
    )
    return fpframe.load_weights(whole, weights)


def _channels(weights: Path, config: Mapping[str, Any], request: fpframe.SuspectRequest) -> int:
    """Return how many channels a network takes, by the weights of its first layer, or else by its settings."""
    said = config.get("model_args")
    told = said.get("in_chans") if isinstance(said, Mapping) else None
    first = (config.get("pretrained_cfg") or {}).get("first_conv")
    first = first[0] if isinstance(first, list) and first else first
    if weights.name != _SAFETENSORS:  # what a pickle holds is seen when it is loaded, and has to fit
        return told if isinstance(told, int) else 3
    try:
        with safe_open(weights, framework="pt") as tensors:
            name = f"{first}.weight"
            if name in tensors.keys():  # noqa: SIM118  # it is no mapping
                return int(tensors.get_slice(name).get_shape()[1])
    except (OSError, SafetensorError, IndexError) as error:
        raise fpframe.ModelError(f"'{weights}' is damaged: {first_line(error)}; get it anew") from error
    return request.image_shape[0]


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the source."""
    return [TimmFolder]
