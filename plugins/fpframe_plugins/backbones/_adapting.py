"""Adapt networks that were made for photographs of 224 pixels to small images.

Not a plugin: both libraries of backbones use it.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

import fpframe
from fpframe.base import UNCHANGED, split_form
from fpframe.errors import first_line

#: Images with a shorter side, in pixels, lose too much in a stem that was made for 224 pixels.
SMALL_SIDE = 64


def relax_stem(network: nn.Module, first_convolutions: Iterable[str] = ()) -> bool:
    """Let the first convolution keep its resolution, drop the max-pool after it, and return whether it did.

    This is the usual change for CIFAR (He et al., 2016, section 4.2). A network whose first convolution has
    stride 1 already is left alone, since its pools are not part of a stem.

    Args:
        network: changed in place; the shapes of its weights stay as they are.
        first_convolutions: their dotted names, several where branches run in parallel; none for the first
            that is found.
    """
    convolutions = {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)}
    first = list(first_convolutions) or list(convolutions)[:1]
    stem = [convolutions[name] for name in first if name in convolutions]
    if not any(max(layer.stride) > 1 for layer in stem):
        return False
    for layer in stem:
        height, width = layer.kernel_size
        layer.stride = (1, 1)
        # what kept 'same' padding for odd kernels adds one pixel for even ones, which patch embeddings have
        layer.padding = (height // 2, width // 2)
    pool = _stem_pool(network)
    if pool:
        parent, _, child = pool.rpartition(".")
        setattr(network.get_submodule(parent), child, nn.Identity())
    return True


def _stem_pool(network: nn.Module) -> str | None:
    # residual networks keep theirs under this name, even where it is a blur or a convolution
    if isinstance(getattr(network, "maxpool", None), nn.Module):
        return "maxpool"
    for name, layer in network.named_modules():
        if isinstance(layer, nn.MaxPool2d) and layer.stride not in (1, (1, 1)):
            return str(name)
    return None


def cannot_be_built(
    source: fpframe.BackboneSource, name: str, num_classes: int, image_shape: tuple[int, int, int], reason: str
) -> fpframe.ModelError:
    """Return the error that an architecture, or the form of it that was named, does not take the images."""
    as_built = f", which is as {source.name} builds it," if split_form(name)[1] == UNCHANGED else ""
    return fpframe.ModelError(
        f"'{source.name}:{name}'{as_built} cannot be built for images of shape {image_shape} (channels, height, "
        f"width): {reason}; {_remedy(source, name, num_classes, image_shape)}"
    )


def _remedy(source: fpframe.BackboneSource, name: str, num_classes: int, image_shape: tuple[int, int, int]) -> str:
    """Return what helps where a form cannot be built: the form that is chosen for such images, if there is one."""
    plain, form = split_form(name)
    if form:
        try:
            chosen = source.build(plain, num_classes=num_classes, image_shape=image_shape, seed=0)
        except fpframe.FpframeError:
            chosen = None
        if chosen is not None and chosen.form:
            return f"if that is what the weights were trained in, name {chosen.architecture}"
    return f"take another architecture, such as {source.name}:resnet18"


def refusal(error: Exception) -> str:
    """Return in one line why a network could not be built or did not take its images."""
    return first_line(error.__cause__ or error)
