"""`state-dict`: bare weights, which need the name of the network that they belong to."""

from __future__ import annotations

import copy
from functools import partial
from pathlib import Path
from typing import ClassVar

import attrs
import torch

import fpframe
from fpframe import load_weights, save_weights
from fpframe.base import Address
from fpframe.opening import (
    SUFFIXES,
    describe_weights,
    existing_file,
    has_suffix,
    index_parts,
    looks_like_weights,
    module_query,
)


@attrs.frozen(kw_only=True)
class StateDict(fpframe.SuspectSource):
    """Open files of weights with the architecture that ``--backbone`` names.

    They are what people keep: a state dict as safetensors or pickle, the checkpoint of a training script, a whole
    pickled network, or the list of the parts of a model (``.index.json``). What a file holds decides, not its ending.
    Every key and shape must fit, what was done to make them fit is noted, and pickles are read without running code.
    """

    name: ClassVar[str] = "state-dict"
    forms: ClassVar[tuple[str, ...]] = tuple(f"FILE{suffix}" for suffix in SUFFIXES)
    needs_backbone: ClassVar[bool] = True

    def matches(self, address: str) -> bool:
        """Tell whether it is a path that ends like a file of weights, or of a file that begins like one."""
        if has_suffix(address, *SUFFIXES):
            return True
        return not Address.parse(address).prefix and looks_like_weights(Path(address))

    def open(self, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to the named network with the file's weights.

        Raises:
            UsageError: no backbone was named.
            ModelError: the file is missing, damaged, refused or ambiguous, or does not fit the backbone.
        """
        path = existing_file(request.address)
        if request.backbone is None:
            raise fpframe.UsageError(
                f"'{request.address}' holds {describe_weights(path)}; name the network that they belong to with "
                "--backbone, such as timm:resnet18"
            )
        return module_query(load_weights(request.backbone(), path, key=request.checkpoint_key), request)

    def companions(self, address: str) -> list[str]:
        """Return the parts of the model that a list of parts names."""
        return list(map(str, index_parts(Path(address)))) if address.lower().endswith(".index.json") else []

    def example(self, folder: Path, model: fpframe.Classifier) -> fpframe.SuspectRequest:
        """Write a model's weights; the backbone is its architecture with other weights."""
        path = folder / "suspect.safetensors"
        save_weights(model, path)
        return fpframe.SuspectRequest(
            address=str(path),
            num_classes=model.num_classes,
            image_shape=model.image_shape,
            backbone=partial(_blank, model),
        )


def _blank(model: fpframe.Classifier) -> fpframe.Classifier:
    """Return the architecture of a model, with zeros for weights."""
    network = copy.deepcopy(model)
    with torch.no_grad():
        for weight in network.parameters():
            weight.zero_()
    return network


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the source."""
    return [StateDict]
