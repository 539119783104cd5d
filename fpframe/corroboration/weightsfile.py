"""`read_layers`: find the layers of a network in somebody's file, where names or parts of it may be others."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from fpframe.base import tensors_digest
from fpframe.corroboration.assignment import assign
from fpframe.corroboration.plan import Layer, Plan
from fpframe.corroboration.quantised import plain_numbers
from fpframe.corroboration.values import NORM_PARTS
from fpframe.errors import ModelError, UsageError
from fpframe.models import Classifier
from fpframe.opening import Contents, Wanted, choose_closest, existing_file, open_contents
from fpframe.store import dump

#: A file of weights, a network, or its tensors by name.
Weights = Path | str | nn.Module | Mapping[str, Tensor]
#: Tensors of the shape of one layer, for each layer of that shape, that are looked at.
_MOST_EACH = 8


@attrs.frozen(kw_only=True)
class Found:
    """Where a layer was found.

    Attributes:
        how: ``name``, ``shape`` where it is the only one of its shape, or ``assignment``.
        name: of its weights in the file.
    """

    how: str
    name: str


@attrs.frozen(eq=False, kw_only=True)
class FileLayers:
    """The layers of a network that a file has.

    Attributes:
        address: the file.
        tensors: by the network's own names.
        found: by layer, where it was found.
        norms: whether all that is needed to fold batch normalisation is known, or it was folded already.
    """

    address: str
    tensors: dict[str, Tensor]
    found: dict[str, Found]
    norms: bool

    @property
    def digest(self) -> str:
        """The digest of what was read."""
        return tensors_digest(self.tensors)


def read_layers(weights: Weights, network: Classifier, plan: Plan, *, key: str | None = None) -> FileLayers:
    """Return the layers of a network that somebody's weights have.

    They are looked for as `fpframe.load_weights` does, under the same limits. If not everything fits, layers are
    taken that have their name and shape, then those that alone have the shape, and the others by linear assignment of
    what neither order nor scale of channels changes.

    Args:
        weights: the file, or a network of this process.
        network: the network that they are compared with.
        plan: its layers.
        key: where in the file they lie.

    Raises:
        UsageError: this cannot hold weights.
        ModelError: the file is missing, damaged, refused or ambiguous, holds no weights, or values that are not finite.
    """
    with _opened(weights) as (contents, address):
        wanted = Wanted.by(network.module, f"the victim's architecture '{network.address}'")
        place = choose_closest(contents, wanted, key)
        likes, alike = place.likes, place.alike
        names = {name: alike[name] for layer in plan.layers for name in _names(layer) if name in alike}
        for layer in plan.layers:  # a normalisation that was folded has left a bias that the network lacks
            if layer.bias and layer.bias not in names and _is_bias(layer, likes.get(layer.bias)):
                names[layer.bias] = place.names[layer.bias]
        found = {
            layer.name: Found(how="name", name=names[layer.weight]) for layer in plan.layers if layer.weight in names
        }
        tensors = plain_numbers(place.read_some(names), names, contents)
        missing = [layer for layer in plan.layers if layer.name not in found]
        more, others = _by_shape(contents, missing, dict(network.module.state_dict()), set(names.values()), address)
        tensors |= more
        found |= others
        norms = _norms_are_known(plan, tensors, found, contents, set(names.values()))
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ModelError(f"'{name}' holds numbers that are not finite ({address}); get a whole copy of the weights")
    return FileLayers(address=address, tensors=tensors, found=found, norms=norms)


@contextmanager
def _opened(weights: Any) -> Iterator[tuple[Contents, str]]:
    if isinstance(weights, str | Path):
        with open_contents(existing_file(str(weights))) as contents:
            yield contents, str(weights)
        return
    address = type(weights).__name__
    if isinstance(weights, Classifier):
        address = weights.address or address
        weights = weights.module.state_dict()
    elif isinstance(weights, nn.Module):
        weights = weights.state_dict()
    if not isinstance(weights, Mapping):
        raise UsageError(f"weights cannot be a {address}; give a file, a torch.nn.Module or its state dict")
    tensors = {str(name): value for name, value in weights.items() if isinstance(value, Tensor)}
    if not tensors:
        raise ModelError(f"there are no tensors in the weights ({address}); give a state dict")
    with tempfile.TemporaryDirectory(prefix="fpframe-") as folder:
        path = Path(folder, "weights.safetensors")
        path.write_bytes(dump(tensors, {}))
        with open_contents(path) as contents:
            yield contents, address


def _names(layer: Layer) -> list[str]:
    parts = [f"{layer.norm}.{part}" for part in NORM_PARTS] if layer.norm else []
    return [layer.weight, *([layer.bias] if layer.bias else []), *parts]


def _is_bias(layer: Layer, like: Tensor | None) -> bool:
    return like is not None and like.shape == layer.shape[:1]


def _by_shape(
    contents: Contents, missing: list[Layer], own: Mapping[str, Tensor], taken: set[str], address: str
) -> tuple[dict[str, Tensor], dict[str, Found]]:
    """Return the tensors of layers that bear other names in the file, and where they were found."""
    tensors: dict[str, Tensor] = {}
    found: dict[str, Found] = {}
    for shape in dict.fromkeys(layer.shape for layer in missing):
        layers = [layer for layer in missing if layer.shape == shape]
        pool = [name for name, entry in contents.entries.items() if entry.like.shape == shape and name not in taken]
        if len(pool) > _MOST_EACH * len(layers):
            raise ModelError(
                f"{len(pool)} tensors of the shape {shape} could be {len(layers)} layers of the victim ({address}); "
                "name the place of the model's own with --checkpoint-key"
            )
        if not pool:
            continue
        given = plain_numbers(contents.read(pool), {name: name for name in pool}, contents)
        pairs = assign(
            [own[layer.weight].double().numpy() for layer in layers], [given[name].double().numpy() for name in pool]
        )
        how = "shape" if len(pool) == len(layers) == 1 else "assignment"
        for number, chosen in pairs:
            layer, name = layers[number], pool[chosen]
            tensors[layer.weight] = given[name]
            found[layer.name] = Found(how=how, name=name)
            bias = f"{name.rpartition('.')[0]}.bias".lstrip(".")
            if layer.bias and bias in contents.entries and _is_bias(layer, contents.entries[bias].like):
                tensors[layer.bias] = contents.read([bias])[bias]
    return tensors, found


def _norms_are_known(
    plan: Plan, tensors: Mapping[str, Tensor], found: Mapping[str, Found], contents: Contents, taken: set[str]
) -> bool:
    unread = any(name.endswith("running_var") and name not in taken for name in contents.entries)
    return all(
        f"{layer.norm}.running_var" in tensors or (layer.bias in tensors and not unread)
        for layer in plan.layers
        if layer.norm and layer.name in found
    )
