"""`build_for_weights`: the network that a file of weights belongs to, in the form that they were trained in."""

from __future__ import annotations

from pathlib import Path

from fpframe.base import Address, split_form
from fpframe.errors import ModelError
from fpframe.interfaces import BackboneSource
from fpframe.models import Classifier
from fpframe.opening.backbones import build_backbone
from fpframe.opening.saved import Saved, ambiguous, is_from_source, refuse_another_size
from fpframe.registry import Registry


def build_for_weights(
    registry: Registry,
    address: str,
    path: Path | str | None,
    num_classes: int,
    image_shape: tuple[int, int, int],
    seed: int = 0,
) -> Classifier:
    """Return a fresh network in the form that the weights of a file were trained in.

    A file that fpframe wrote says which network it is. Weights that come from elsewhere belong to the network as its
    library builds it, unless the address names a form.

    Args:
        registry: where the backbone sources come from.
        address: as the user names the architecture.
        path: the file; ``None`` where the weights come in no file, and from elsewhere.
        num_classes: number of classes K.
        image_shape: channels, height and width of its images.
        seed: decides the weights that the file's will replace.

    Raises:
        UsageError: there is no such source or architecture.
        ModelError: the network cannot be built in this form, or the file says that it is another one.
    """

    def build(name: str) -> Classifier:
        return build_backbone(registry, name, num_classes, image_shape, seed=seed)

    if not _has_source(address, registry):
        return build(address)
    unchanged = unchanged_address(registry, address)
    saved = None if path is None else Saved.of(path)
    if saved is None or (saved.backbone and not is_from_source(saved.backbone)):
        return build(unchanged)
    if not saved.backbone:
        if unchanged != address and (chosen := build(address)).adapted:
            raise ambiguous(address, f"'{path}', a file of the store, does not say", chosen.architecture)
        return build(unchanged)
    if split_form(saved.backbone)[0] != split_form(address)[0]:
        raise _another(path, saved, address)
    refuse_another_size(saved, image_shape, path or "")
    network = build(saved.backbone)
    if split_form(address)[1] and build(address).adapted_form != network.adapted_form:
        raise _another(path, saved, address)
    return network


def unchanged_address(registry: Registry, address: str) -> str:
    """Return the address of an architecture as its library builds it; others than those of a source stay.

    Raises:
        PluginError: the source does not work.
    """
    if not _has_source(address, registry):
        return address
    parsed = Address.parse(address)
    source = registry.build(BackboneSource, parsed.prefix)
    return f"{parsed.prefix}:{source.unchanged(parsed.rest)}"


def _has_source(address: str, registry: Registry) -> bool:
    return is_from_source(address) and Address.parse(address).prefix in registry.names(BackboneSource.kind)


def _another(path: Path | str | None, saved: Saved, address: str) -> ModelError:
    return ModelError(f"'{path}' holds the weights of {saved.backbone}, and not of {address}; name {saved.backbone}")
