"""`base_weights`: the weights of a public model, as far as a network that was fine-tuned from it has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from fpframe.base import Address, as_address, import_callable
from fpframe.errors import FpframeError, ModelError, UsageError, first_line
from fpframe.interfaces import BackboneSource, fenced, require
from fpframe.models import Classifier
from fpframe.opening.backbones import PYTHON
from fpframe.opening.checkpoints import Wanted, choose_closest, open_contents
from fpframe.opening.modelfiles import existing_file
from fpframe.registry import Registry

#: Files of weights in a folder of Hugging Face, the one that is taken first in front.
_IN_FOLDER = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


def base_weights(base: Any, network: Classifier, registry: Registry) -> dict[str, Tensor]:
    """Return the weights of a public model that a network has too, by name in the network: same name, same shape.

    Args:
        base: a file of weights, a folder with one, ``timm:NAME`` or another backbone whose library has weights for it,
            ``python:MODULE:FUNCTION`` for a function that returns the network, a module, or a state dict.
        network: a network of the architecture.
        registry: where backbone sources come from.

    Raises:
        UsageError: the address cannot be the base of a model.
        ModelError: it cannot be read.
    """
    wanted = Wanted.by(network.module, f"the victim's architecture '{network.address}'")
    if isinstance(base, nn.Module):
        module = base.module if isinstance(base, Classifier) else base
        return _shared(module.state_dict(), wanted)
    if isinstance(base, Mapping):
        return _shared(base, wanted)
    address = Address.parse(as_address(base))
    if address.prefix == PYTHON:
        return _shared(_made(as_address(base), address.rest).state_dict(), wanted)
    if address.prefix in registry.names(BackboneSource.kind):
        return _shared(_pretrained(address, network, registry).module.state_dict(), wanted)
    if address.prefix:
        raise UsageError(
            f"'{base}' is not the address of a public model; name a file of weights, a folder with one, timm:NAME, "
            "torchvision:NAME, or python:MODULE:FUNCTION"
        )
    with open_contents(_file(Path(base))) as contents:
        place = choose_closest(contents, wanted, None)
        weights = place.read_some(place.alike)
    return {name: value for name, value in weights.items() if wanted.fits(name, value)}


def _shared(state: Mapping[str, Any], wanted: Wanted) -> dict[str, Tensor]:
    plain = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    taken = wanted.of(plain)
    return {name: plain[have].detach() for name, have in taken.items() if wanted.fits(name, plain[have])}


def _made(address: str, rest: str) -> nn.Module:
    try:
        made = import_callable(rest)()
    except FpframeError:
        raise
    except Exception as error:
        raise ModelError(f"the public model cannot be built: {first_line(error)} ({address})") from error
    if not isinstance(made, nn.Module):
        raise ModelError(
            f"the function returned a {type(made).__name__} ({address}); it must return the public model, a "
            "torch.nn.Module, when it is called without arguments"
        )
    return made.module if isinstance(made, Classifier) else made


def _pretrained(address: Address, network: Classifier, registry: Registry) -> Classifier:
    source = registry.build(BackboneSource, address.prefix)
    doing = f"building '{address.rest}' with its weights"
    with fenced(source, doing=doing):
        made = source.build(
            source.unchanged(address.rest),
            num_classes=network.num_classes,
            image_shape=network.image_shape,
            pretrained=True,
            seed=0,
        )
    return require(source, made, Classifier, doing=doing)


def _file(path: Path) -> Path:
    if not path.is_dir():
        return existing_file(str(path))
    for name in _IN_FOLDER:
        if (path / name).is_file():
            return path / name
    raise ModelError(f"the folder '{path}' has no weights ({', '.join(_IN_FOLDER)}); name the file")
