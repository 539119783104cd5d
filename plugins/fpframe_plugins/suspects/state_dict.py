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
from fpframe.opening import SUFFIXES, existing_file, module_query


@attrs.frozen(kw_only=True)
class StateDict(fpframe.SuspectSource):
    """Open ``.safetensors``, ``.pt`` and ``.pth`` files with the architecture that ``--backbone`` names.

    Weights are loaded strictly: every key and shape must fit. Pickles are read without running their code.
    """

    name: ClassVar[str] = "state-dict"
    forms: ClassVar[tuple[str, ...]] = tuple(f"FILE{suffix}" for suffix in SUFFIXES)
    needs_backbone: ClassVar[bool] = True

    def open(self, request: fpframe.SuspectRequest) -> fpframe.Query:
        """Return access to the named network with the file's weights.

        Raises:
            UsageError: no backbone was named.
            ModelError: the file is missing, damaged, refused, or does not fit the backbone.
        """
        path = existing_file(request.address)
        if request.backbone is None:
            raise fpframe.UsageError(
                f"'{request.address}' holds weights only; name the network that they belong to with "
                "--backbone, such as timm:resnet18"
            )
        return module_query(load_weights(request.backbone(), path), request)

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
