"""`Victim`: the owner's model, and whatever is needed to open it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
from torch import nn

from fpframe.base import Address
from fpframe.errors import DataError, ModelError, UsageError
from fpframe.models import Classifier, Dataset, state_digest
from fpframe.opening.backbones import build_backbone
from fpframe.opening.checkpoints import SUFFIXES
from fpframe.opening.networks import build_for_weights, unchanged_address
from fpframe.opening.perchannel import finite, per_channel, positive
from fpframe.opening.weights import load_weights
from fpframe.registry import Registry


def _model(victim: Any, field: attrs.Attribute[Any], value: object) -> None:
    if isinstance(value, nn.Module):
        return
    if not isinstance(value, str):
        raise UsageError(
            f"a victim cannot be a {type(value).__name__}; give a torch.nn.Module, or an address such as timm:resnet18"
        )
    if not Address.parse(value).prefix:
        weights = f", weights='{value}'" if value.lower().endswith(SUFFIXES) else ""
        raise UsageError(
            f"'{value}' is not the address of a victim; name its architecture, as in Victim('timm:resnet18'{weights})"
        )


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)


def _indices(values: Any) -> np.ndarray | None:
    if values is None:
        return None
    indices = np.asarray(values)
    if indices.ndim != 1 or indices.dtype.kind not in "iu" or len(indices) == 0:
        raise DataError(f"victim indices must be a list of whole numbers, got {indices.dtype} {indices.shape}")
    return indices


@attrs.frozen(eq=False)
class Victim:
    """The owner's model, and whatever is needed to open it.

    Attributes:
        model: a module from pixels ``(N, C, H, W)`` in [0, 1] to logits ``(N, K)``, or an address such as
            ``timm:resnet18`` or ``python:MODULE:FUNCTION``.
        weights: file with its weights, where it is an architecture without any.
        checkpoint_key: where in that file its weights lie, such as ``state_dict_ema``; needed only where several fit.
        backbone: address that builds its architecture anew, with fresh weights each time; needed only where `model` is
            not such an address. Without it no model of the victim's own architecture can be trained, and the stratum
            ``same-data`` is left out.
        mean: per-channel mean that it subtracts from pixels.
        std: per-channel standard deviation that it divides them by.
        indices: indices of the training images that it has seen.

    Raises:
        UsageError: this cannot be a victim.
        DataError: the indices are not whole numbers.
    """

    model: nn.Module | str = attrs.field(validator=_model)
    weights: Path | None = attrs.field(default=None, converter=_path, kw_only=True)
    checkpoint_key: str | None = attrs.field(default=None, kw_only=True)
    backbone: str | None = attrs.field(default=None, kw_only=True)
    mean: tuple[float, ...] | None = attrs.field(default=None, converter=per_channel, validator=finite, kw_only=True)
    std: tuple[float, ...] | None = attrs.field(default=None, converter=per_channel, validator=positive, kw_only=True)
    indices: np.ndarray | None = attrs.field(default=None, converter=_indices, kw_only=True)

    @classmethod
    def of(cls, victim: Victim | nn.Module | str | None) -> Victim | None:
        """Return a victim; a bare module or address is one without anything to be said about it."""
        return victim if victim is None or isinstance(victim, Victim) else cls(victim)

    def open(self, dataset: Dataset, registry: Registry) -> tuple[Classifier, str | None]:
        """Return the model, and the address that builds its architecture anew where there is one.

        Raises:
            UsageError: the address is unknown.
            ModelError: the model does not fit the data, or is an architecture without weights.
        """
        classifier, backbone = self._network(dataset, registry)
        if self.mean is not None or self.std is not None:
            classifier = Classifier(
                classifier.module,
                num_classes=dataset.num_classes,
                image_shape=dataset.image_shape,
                mean=self.mean,
                std=self.std,
                address=classifier.address,
                form=classifier.form,
            )
        if self.weights is not None:
            load_weights(classifier, self.weights, key=self.checkpoint_key)
        return classifier.checked(), backbone

    def _network(self, dataset: Dataset, registry: Registry) -> tuple[Classifier, str | None]:
        shape, classes = dataset.image_shape, dataset.num_classes
        if isinstance(self.model, str):
            if self.weights is None:
                classifier = build_backbone(registry, self.model, classes, shape, seed=0)
            else:
                classifier = build_for_weights(registry, self.model, self.weights, classes, shape, seed=0)
            anew = self._builds_anew(classifier, dataset, registry)
            return classifier, self._named_backbone(classifier, registry) or anew
        if not isinstance(self.model, Classifier):
            name = type(self.model).__name__
            given = Classifier(self.model, num_classes=classes, image_shape=shape, address=name)
            return given, self._named_backbone(given, registry)
        if (self.model.num_classes, self.model.image_shape) != (classes, shape):
            raise ModelError(
                f"the victim is made for {self.model.num_classes} classes and images of shape {self.model.image_shape} "
                f"where the data has {classes} and {shape} ({dataset.address}); name the data that it was "
                "trained on"
            )
        return self.model, self._named_backbone(self.model, registry)

    def _named_backbone(self, victim: Classifier, registry: Registry) -> str | None:
        """Return the backbone that was named, in the form of the victim: unchanged, unless the victim looks adapted.

        Raises:
            ModelError: its library builds no such network for these images; the message names the form that can be.
        """
        if self.backbone is None or (unchanged := unchanged_address(registry, self.backbone)) == self.backbone:
            return self.backbone
        chosen = build_backbone(registry, self.backbone, victim.num_classes, victim.image_shape, seed=0)
        if not chosen.adapted or str(chosen.module) == str(victim.module):
            return self.backbone
        return build_backbone(registry, unchanged, victim.num_classes, victim.image_shape, seed=0).architecture

    def _builds_anew(self, classifier: Classifier, dataset: Dataset, registry: Registry) -> str | None:
        """Return the address that gives fresh weights each time, as training models like the victim needs.

        It is the one that the user named, where that builds the form of the victim. There is none where the address
        gives the same weights again.

        Raises:
            ModelError: it gives fresh weights, but no weights of the victim were named.
        """
        address = str(self.model)
        again = build_backbone(registry, address, dataset.num_classes, dataset.image_shape, seed=1)
        if again.adapted_form != classifier.adapted_form:
            address = classifier.architecture
            again = build_backbone(registry, address, dataset.num_classes, dataset.image_shape, seed=1)
        fresh = state_digest(again.module) != state_digest(classifier.module)
        if fresh and self.weights is None:
            raise ModelError(
                f"'{self.model}' names an architecture without weights; pass --weights FILE, or leave out --victim to "
                "have one trained"
            )
        return address if fresh else None
