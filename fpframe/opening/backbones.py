"""`build_backbone`: the fresh network that a backbone address names."""

from __future__ import annotations

from torch import nn

from fpframe.base import Address, import_callable
from fpframe.errors import FpframeError, ModelError, UsageError, first_line, nearest
from fpframe.interfaces import BackboneSource, fenced, require
from fpframe.models import Classifier
from fpframe.registry import Registry
from fpframe.rng import isolated

#: Prefix under which users hand in their own architecture; it needs no plugin.
PYTHON = "python"


def build_backbone(
    registry: Registry, address: str, num_classes: int, image_shape: tuple[int, int, int], seed: int = 0
) -> Classifier:
    """Return a network with fresh weights that depend on `seed` alone.

    Args:
        registry: where the backbone sources come from.
        address: ``SOURCE:NAME``, such as ``timm:resnet18``, or ``python:MODULE:FUNCTION`` for a function
            that returns the network when it is called without arguments.
        num_classes: number of classes K.
        image_shape: channels, height and width of its images.
        seed: decides the weights; global random state is left as found.

    Raises:
        UsageError: there is no such source, architecture, module or function.
        ModelError: the network cannot be built, or does not fit the images and classes.
    """
    parsed = Address.parse(address)
    if parsed.prefix == PYTHON:
        return _from_python(address, parsed.rest, num_classes, image_shape, seed)
    sources = registry.names("backbone")
    if not parsed.prefix:
        raise UsageError(
            f"'{address}' is not the address of a backbone; write SOURCE:NAME with SOURCE one of "
            f"{', '.join([*sources, PYTHON])}"
        )
    # the name of a plugin that failed is left to the registry, which knows why it failed
    failed = [info.name for info in registry.plugins if info.error]
    if parsed.prefix not in [*sources, *failed]:
        hint = nearest(parsed.prefix, [*sources, PYTHON])
        raise UsageError(f"unknown backbone source '{parsed.prefix}' ({address}){hint}")
    source = registry.build(BackboneSource, parsed.prefix)
    doing = f"building '{parsed.rest}'"
    with fenced(source, doing=doing):
        network = source.build(parsed.rest, num_classes=num_classes, image_shape=image_shape, seed=seed)
    return require(source, network, Classifier, doing=doing)


def _from_python(address: str, rest: str, num_classes: int, image_shape: tuple[int, int, int], seed: int) -> Classifier:
    function = import_callable(rest)
    try:
        with isolated(seed):
            network = function()
    except FpframeError:
        raise
    except Exception as error:
        raise ModelError(
            f"the backbone cannot be built: {first_line(error)} ({address}); "
            "the function is called without arguments and must return a torch.nn.Module"
        ) from error
    if not isinstance(network, nn.Module):
        raise ModelError(
            f"the backbone function returned a {type(network).__name__} ({address}); "
            "it must return a torch.nn.Module when it is called without arguments"
        )
    if isinstance(network, Classifier):
        # a classifier owns its normalisation, which a second wrapper would hide from whoever saves it
        network.address = network.address or address
        classifier = network
    else:
        classifier = Classifier(network, num_classes=num_classes, image_shape=image_shape, address=address)
    if (classifier.num_classes, classifier.image_shape) != (num_classes, image_shape):
        raise ModelError(
            f"the backbone is made for {classifier.num_classes} classes and images of shape "
            f"{classifier.image_shape} where {num_classes} and {image_shape} are needed ({address}); "
            "let the function build it for this data"
        )
    return classifier.checked()
