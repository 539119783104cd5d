"""`Victim`: the owner's model, and whatever is needed to open it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
from torch import nn

from fpframe.base import Address, as_address
from fpframe.errors import DataError, ModelError, UsageError
from fpframe.interfaces import BackboneSource, SuspectRequest
from fpframe.models import (
    PLAIN,
    Classifier,
    Dataset,
    Preparation,
    as_preparation,
    finite,
    per_channel,
    positive,
    state_digest,
)
from fpframe.opening.asked import Again, AskedModel, Unwrapping, has_answers, unwrapped
from fpframe.opening.backbones import PYTHON, build_backbone
from fpframe.opening.checkpoints import SUFFIXES
from fpframe.opening.networks import build_for_weights, unchanged_address
from fpframe.opening.sources import find_adapter, find_source
from fpframe.opening.weights import load_weights
from fpframe.registry import Registry

#: Test images by which it is settled how the victim's answers are read, and whether a converted network has them.
COMPARED_IMAGES = 256


def _model(victim: Any, field: attrs.Attribute[Any], value: object) -> None:
    if value is None:
        raise UsageError("a victim cannot be a NoneType; give a torch.nn.Module, or an address such as timm:resnet18")
    if not isinstance(value, str | Path) or Address.parse(as_address(value)).prefix:
        return
    bare = str(value).lower().endswith(SUFFIXES)
    if bare or not Path(value).exists():
        weights = f", weights='{value}'" if bare else ""
        raise UsageError(
            f"'{value}' is not the address of a victim; name its architecture, as in Victim('timm:resnet18'{weights}), "
            "or a model that brings its own, such as an .onnx file that is there"
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


@attrs.frozen(eq=False, kw_only=True)
class VictimPast:
    """What a victim was made from, where the victim itself is not needed.

    Attributes:
        indices: indices of the training images that it has seen, as of `Victim`.
        base: the public model that it was fine-tuned from, as of `Victim`.

    Raises:
        DataError: the indices are not whole numbers.
    """

    indices: np.ndarray | None = attrs.field(default=None, converter=_indices)
    base: Any = None


@attrs.frozen(eq=False)
class Victim:
    """The owner's model, and whatever is needed to open it.

    Attributes:
        model: a module from pixels ``(N, C, H, W)`` in [0, 1] to logits ``(N, K)``; an address such as
            ``timm:resnet18`` or ``python:MODULE:FUNCTION``; or whatever `fpframe.verify` takes, such as ``model.onnx``,
            a folder of Hugging Face, a classifier of scikit-learn, or a function from pixels to probabilities. One that
            can only be asked gives neither gradients nor weights: schemes that need them are refused, and thefts that
            modify weights are left out.
        weights: file with its weights, where it is an architecture without any.
        checkpoint_key: where in that file its weights lie, such as ``state_dict_ema``; needed only where several fit.
        backbone: address that builds its architecture anew, with fresh weights each time; needed only where `model` is
            not such an address. Without it no model of the victim's own architecture can be trained, and the stratum
            ``same-data`` is left out.
        preparation: what happens to pixels before it takes them, as a `Preparation` or its text, such as
            ``resize=224,bicubic,antialias; rgb``; `mean` and `std` are taken into it.
        mean: per-channel mean that it subtracts from pixels, where `preparation` says none.
        std: per-channel standard deviation that it divides them by.
        indices: indices of the training images that it has seen.
        from_scratch: whether its training began with random weights. Models that were fine-tuned from one public model
            resemble each other much as copies do; unless this is said, or `base`, every verdict says that none of them
            calibrated.
        base: the public model that it was fine-tuned from: a file of weights, a folder with one, an address such as
            ``timm:resnet18`` whose library has weights, ``python:MODULE:FUNCTION`` for a function that returns the
            network, a module, or a state dict. Models of a recipe then begin as this model does, and the stratum
            ``same-base`` has some that were fine-tuned from it as competitors would. Of a list of such models, the one
            is taken whose early layers are most like the victim's.

    Raises:
        UsageError: this cannot be a victim.
        DataError: the indices are not whole numbers.
    """

    model: Any = attrs.field(validator=_model)
    weights: Path | None = attrs.field(default=None, converter=_path, kw_only=True)
    checkpoint_key: str | None = attrs.field(default=None, kw_only=True)
    backbone: str | None = attrs.field(default=None, kw_only=True)
    preparation: Preparation = attrs.field(default=None, converter=as_preparation, kw_only=True)
    mean: tuple[float, ...] | None = attrs.field(default=None, converter=per_channel, validator=finite, kw_only=True)
    std: tuple[float, ...] | None = attrs.field(default=None, converter=per_channel, validator=positive, kw_only=True)
    indices: np.ndarray | None = attrs.field(default=None, converter=_indices, kw_only=True)
    from_scratch: bool = attrs.field(default=False, kw_only=True)
    base: Any = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.from_scratch and self.base is not None:
            raise UsageError("a victim that was trained from scratch has no base; say one or the other")
        if isinstance(self.base, list | tuple) and not self.base:
            raise UsageError("'base' names no public model; leave it out")
        whole = Preparation.of(self.preparation, mean=self.mean, std=self.std)
        object.__setattr__(self, "preparation", whole)

    @classmethod
    def of(cls, victim: object) -> Victim | None:
        """Return a victim; a bare module, address or object is one without anything to be said about it."""
        return victim if victim is None or isinstance(victim, Victim) else cls(victim)

    @property
    def past(self) -> VictimPast:
        """What it was made from."""
        return VictimPast(indices=self.indices, base=self.base)

    def open(self, dataset: Dataset, registry: Registry) -> tuple[Classifier, str | None]:
        """Return the model, and the address that builds its architecture anew where there is one.

        Raises:
            UsageError: the address is unknown.
            ModelError: the model does not fit the data, or is an architecture without weights.
        """
        if not isinstance(self.model, str | nn.Module) or self._is_suspect(registry):
            opened = self._opened(dataset, registry)
            return opened.checked(), self._named_backbone(opened, registry)
        if isinstance(self.model, Classifier):  # the size that it takes would be refused first, and nobody said that
            self._refuse_another_preparation(self.model)
        classifier, backbone = self._network(dataset, registry)
        if self.weights is not None:
            load_weights(classifier, self.weights, key=self.checkpoint_key)
        return self._prepared(classifier, dataset).checked(), backbone

    def _refuse_another_preparation(self, classifier: Classifier) -> None:
        own, said = classifier.preparation, self.preparation
        if own.geometry != PLAIN and said.geometry != PLAIN:
            raise UsageError(
                f"the victim prepares images itself ({own}), and '{said}' was said ({classifier.address or 'victim'}); "
                "say what it does not do"
            )

    def _prepared(self, classifier: Classifier, dataset: Dataset) -> Classifier:
        """Return the network behind what was said of its preparation; its own numbers stay where none were said."""
        said, own = self.preparation, classifier.preparation
        if said == PLAIN:
            return classifier
        self._refuse_another_preparation(classifier)
        numbers = said if said.normalises else own
        shaping = own if said.geometry == PLAIN else said
        whole = attrs.evolve(shaping, scale=numbers.scale, mean=numbers.mean, std=numbers.std)
        return classifier.behind(whole, dataset.image_shape)

    def _network(self, dataset: Dataset, registry: Registry) -> tuple[Classifier, str | None]:
        shape, classes = self.preparation.shape(dataset.image_shape), dataset.num_classes
        if isinstance(self.model, str):
            if self.weights is None:
                classifier = build_backbone(registry, self.model, classes, shape, seed=0)
            else:
                classifier = build_for_weights(registry, self.model, self.weights, classes, shape, seed=0)
            anew = self._builds_anew(classifier, registry)
            return classifier, self._named_backbone(classifier, registry) or anew
        if not isinstance(self.model, Classifier):
            name = type(self.model).__name__
            given = Classifier(unwrapped(self.model, shape), num_classes=classes, image_shape=shape, address=name)
            return given, self._named_backbone(given, registry)
        if (self.model.num_classes, self.model.image_shape) != (classes, shape):
            raise ModelError(
                f"the victim is made for {self.model.num_classes} classes and images of shape {self.model.image_shape} "
                f"where the data has {classes} and {shape} ({dataset.address}); name the data that it was "
                "trained on"
            )
        return self.model, self._named_backbone(self.model, registry)

    def _is_suspect(self, registry: Registry) -> bool:
        """Tell whether the model is something that a suspect source opens or takes, and no architecture."""
        if isinstance(self.model, nn.Module):
            return not isinstance(self.model, Classifier) and find_adapter(registry, self.model) is not None
        prefix = Address.parse(as_address(self.model)).prefix
        if prefix in (PYTHON, *registry.names(BackboneSource.kind)):
            return False
        source = find_source(registry, as_address(self.model))
        return source is not None and not source.needs_backbone

    def _opened(self, dataset: Dataset, registry: Registry) -> Classifier:
        """Return the victim as a network: the one that it is, one that it was converted into, or one that asks it."""
        if self.weights is not None:
            raise UsageError(f"'{self.weights}' does not apply to a victim that brings its own weights; leave it out")
        options: Any = {"num_classes": dataset.num_classes, "image_shape": dataset.image_shape}
        at_address = isinstance(self.model, str | Path)
        again = Again(
            address=as_address(self.model) if at_address else "",
            classes=dataset.classes,
            preparation=str(self.preparation),
            blocked=registry.blocked,
            pinned=registry.pinned,
            **options,
        )
        query = again.open(registry, None if at_address else self.model)
        whole = Preparation.read(query.preparation)
        if query.network is not None:
            return _behind(query.network, whole, dataset, query.address)
        pixels = dataset.test.stream[:COMPARED_IMAGES]  # real ones, for blank images hardly show how answers are read
        answers = query(pixels)
        converted = self._converted(query.address, registry, options) if at_address else None
        if converted is not None:
            network = _behind(converted, whole, dataset, query.address)
            if has_answers(network, pixels, answers):
                return network
        return Classifier(AskedModel(query, again if at_address else None), address=query.address, **options)

    def _converted(self, address: str, registry: Registry, options: dict[str, Any]) -> nn.Module | None:
        """Return the network that the source of an address makes of the model there, where it makes one."""
        source = find_source(registry, address)
        return None if source is None else source.as_network(SuspectRequest(address=address, **options))

    def _named_backbone(self, victim: Classifier, registry: Registry) -> str | None:
        """Return the backbone that was named, in the form of the victim: unchanged, unless the victim looks adapted.

        Raises:
            ModelError: its library builds no such network for these images; the message names the form that can be.
        """
        if self.backbone is None or (unchanged := unchanged_address(registry, self.backbone)) == self.backbone:
            return self.backbone
        shape = victim.preparation.shape(victim.image_shape)
        chosen = build_backbone(registry, self.backbone, victim.num_classes, shape, seed=0)
        if not chosen.adapted or str(chosen.module) == str(victim.module):
            return self.backbone
        return build_backbone(registry, unchanged, victim.num_classes, shape, seed=0).architecture

    def _builds_anew(self, classifier: Classifier, registry: Registry) -> str | None:
        """Return the address that gives fresh weights each time, as training models like the victim needs.

        It is the one that the user named, where that builds the form of the victim. There is none where the address
        gives the same weights again.

        Raises:
            ModelError: it gives fresh weights, but no weights of the victim were named.
        """
        address, classes, shape = str(self.model), classifier.num_classes, classifier.image_shape
        again = build_backbone(registry, address, classes, shape, seed=1)
        if again.adapted_form != classifier.adapted_form:
            address = classifier.architecture
            again = build_backbone(registry, address, classes, shape, seed=1)
        fresh = state_digest(again.module) != state_digest(classifier.module)
        if fresh and self.weights is None:
            raise ModelError(
                f"'{self.model}' names an architecture without weights; pass --weights FILE, or leave out --victim to "
                "have one trained"
            )
        return address if fresh else None


def _behind(network: nn.Module, preparation: Preparation, dataset: Dataset, address: str) -> Classifier:
    """Return a network that brings its weights, for images of the data, prepared as it was said or its files say."""
    if not isinstance(network, Classifier):
        network = Classifier(
            Unwrapping(network),
            num_classes=dataset.num_classes,
            image_shape=preparation.shape(dataset.image_shape),
            address=address,
        )
    found = network.behind(preparation, dataset.image_shape)
    found.foreign = found.foreign and not preparation.normalises
    return found
