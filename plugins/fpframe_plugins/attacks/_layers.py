"""The layers of a network, and what can be done to their weights.

Not a plugin: the attacks that hold the victim's weights use it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import torch
from torch import Tensor, nn

import fpframe
from fpframe import Classifier

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d

#: A weight, and a mask of its shape of the places that are zero for good.
Zeros = tuple[nn.Parameter, Tensor]


@attrs.frozen(eq=False)
class Channels:
    """A convolution, and the batch normalisation that takes its output unchanged, where there is one."""

    layer: Convolution
    norm: BatchNorm | None

    @property
    def last(self) -> nn.Module:
        """What the channels leave by."""
        return self.norm if self.norm is not None else self.layer


def last_layer(module: nn.Module) -> nn.Linear | Convolution:
    """Return the layer that makes the logits: the last linear layer, or the last convolution where there is none.

    Raises:
        ModelError: there is neither.
    """
    for kind in (nn.Linear, Convolution):
        layers = [layer for layer in module.modules() if isinstance(layer, kind)]
        if layers:
            return layers[-1]
    raise _lacking(module, "neither a linear layer nor a convolution")


def weights_of(module: nn.Module) -> dict[str, nn.Parameter]:
    """Return the weights of all linear layers and convolutions by the names of the layers, each only once.

    Raises:
        ModelError: there is none.
    """
    found: dict[str, nn.Parameter] = {}
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Linear | Convolution):
            # a weight that is computed from others, as by weight normalisation, cannot be changed in its place
            known = any(layer.weight is weight for weight in found.values())
            if isinstance(layer.weight, nn.Parameter) and not known:
                found[name] = layer.weight
    if not found:
        raise _lacking(module, "no weights in linear layers or convolutions")
    return found


def hidden_convolutions(model: Classifier) -> list[Channels]:
    """Return the convolutions in the order in which they are computed, without one that makes the logits.

    Depthwise convolutions are left out: they have no channels of their own, but pass on those of the layer before. Two
    blank images are sent through the model, the only way to tell which normalisation takes whose output.

    Raises:
        ModelError: there is none.
    """
    head = last_layer(model.module)
    made: list[tuple[Convolution, Tensor]] = []
    norms: dict[Convolution, BatchNorm] = {}

    def note_output(layer: nn.Module, _inputs: object, output: Tensor) -> None:
        if isinstance(layer, Convolution):
            made.append((layer, output))

    def note_input(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if isinstance(norm, BatchNorm):
            norms.update({layer: norm for layer, output in made if output is inputs[0]})

    hooks = []
    for part in model.module.modules():
        if isinstance(part, Convolution):
            if part is not head and isinstance(part.weight, nn.Parameter) and not _depthwise(part):
                hooks.append(part.register_forward_hook(note_output))
        elif isinstance(part, BatchNorm):
            hooks.append(part.register_forward_pre_hook(note_input))
    try:
        model.logits(torch.zeros(2, *model.image_shape))
    finally:
        for hook in hooks:
            hook.remove()
    if not made:
        raise _lacking(model.module, "no convolution before its last layer")
    return [Channels(layer, norms.get(layer)) for layer in dict.fromkeys(layer for layer, _ in made)]


def silence_weakest(channels: Channels, strengths: Tensor, ratio: float) -> list[Zeros]:
    """Make the weakest output channels zero for every image, and return the places that must stay zero for that.

    Args:
        channels: the convolution.
        strengths: one number for each of its channels ``(C,)``.
        ratio: share of the channels, rounded down.
    """
    # the small addend undoes 0.29 * 100 = 28.999999999999996
    chosen = strengths.argsort(stable=True)[: int(ratio * len(strengths) + 1e-9)]
    layer, norm = channels.layer, channels.norm
    zeros = []
    for tensor in (layer.weight, layer.bias, *((norm.weight, norm.bias) if norm is not None else ())):
        if isinstance(tensor, nn.Parameter):
            mask = torch.zeros_like(tensor, dtype=torch.bool)
            mask[chosen] = True
            zeros.append((tensor, mask))
    if norm is not None and norm.running_mean is not None:
        norm.running_mean[chosen] = 0  # what a normalisation without weights would still subtract
    put_back(zeros)()
    return zeros


def zeros_of(module: nn.Module, *, least: float) -> list[Zeros]:
    """Return the zeros of all weights with two or more dimensions that hold at least a share `least` of them."""
    masks = [(weight, weight.detach() == 0) for weight in module.parameters() if weight.ndim >= 2]
    return [(weight, mask) for weight, mask in masks if mask.numel() and float(mask.double().mean()) >= least]


def put_back(zeros: Sequence[Zeros]) -> Callable[[], None]:
    """Return a function that sets the given places to zero again, to be called after every step of training."""
    placed = list(zeros)

    def apply() -> None:
        with torch.no_grad():
            for place, (weight, mask) in enumerate(placed):
                if mask.device != weight.device:  # a model is trained on a GPU, and comes back
                    placed[place] = weight, mask = weight, mask.to(weight.device)
                weight.masked_fill_(mask, 0)

    return apply


def _depthwise(layer: Convolution) -> bool:
    return layer.groups == layer.in_channels > 1


def _lacking(module: nn.Module, what: str) -> fpframe.ModelError:
    return fpframe.ModelError(
        f"the model has {what} that the attack could change ({type(module).__name__}); "
        "leave this attack out for this model"
    )
