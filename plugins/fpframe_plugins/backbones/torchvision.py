"""`torchvision`: the image classifiers of torchvision, adapted to channels, classes and small images."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, ClassVar, cast

import attrs
import torch
from torch import nn

import fpframe
from fpframe.base import split_form
from fpframe.rng import isolated
from fpframe_plugins.backbones._adapting import SMALL_SIDE, cannot_be_built, refusal, relax_stem
from fpframe_plugins.backbones._forms import read_form, read_size, unchanged, write_form, write_size

#: Sides in pixels that images are enlarged to where a network refuses their own size.
_SIDES = (32, 64, 96, 128, 224, 256)
#: Of the RGB photographs that all pretrained weights were fitted to.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

#: Networks with side outputs, which some of their weights lack.
_SIDE_OUTPUTS = ("googlenet", "inception_v3")
#: What may be changed, with its values; none for a size in pixels.
_FORMS: dict[str, tuple[str, ...]] = {
    "stem": ("small",),
    "enlarged": (),
    "aux_logits": ("false",),
    "transform_input": ("true",),
}


@attrs.frozen(kw_only=True)
class TorchvisionBackbones(fpframe.BackboneSource):
    """Build ``torchvision:NAME`` for any image shape; classification networks only.

    Networks keep the resolution of images below 64 pixels in their stem. Where one still refuses them, as VGG
    does with digits and ViT with anything but 224 pixels, it gets a first layer that enlarges them (bilinear)
    to the smallest side of 32, 64, 96, 128, 224 or 256 pixels that it takes.

    What is adapted has a name of its own: ``resnet18(stem=small)``, ``vgg11(enlarged=32)``. GoogLeNet and Inception v3
    lose their side outputs, ``(aux_logits=false)``, and prepare images in a way of their own behind torchvision's
    trained weights, ``(transform_input=true)``. ``resnet18(unchanged)`` is the network as torchvision builds it without
    weights, whatever the images are.
    """

    name: ClassVar[str] = "torchvision"

    def names(self, pattern: str = "*") -> list[str]:
        """Return the architectures that match a shell pattern, sorted."""
        from torchvision import models

        return sorted(name for name in models.list_models(module=models) if fnmatchcase(name, pattern))

    def examples(self) -> tuple[str, ...]:
        """Return the two with the fewest weights."""
        return ("shufflenet_v2_x0_5", "squeezenet1_1")

    def unchanged(self, name: str) -> str:
        """Return the name of an architecture as torchvision builds it."""
        return unchanged(name)

    def build(
        self,
        name: str,
        *,
        num_classes: int,
        image_shape: tuple[int, int, int],
        pretrained: bool = False,
        seed: int,
    ) -> fpframe.Classifier:
        """Return a network with fresh weights, or with torchvision's best ones and a fresh last layer.

        Raises:
            UsageError: there is no such architecture; the message lists close names.
            ModelError: the architecture cannot be adapted to images of this shape, or there are no weights.
        """
        address = f"{self.name}:{name}"
        form = read_form(address, _FORMS)
        plain, _ = split_form(name)
        if plain not in (known := self.names()):
            close = difflib.get_close_matches(plain, known, n=3)
            hint = f"did you mean {', '.join(close)}?" if close else f"known: {', '.join(known)}"
            raise fpframe.UsageError(f"torchvision has no architecture '{plain}' ({self.name}:{plain}); {hint}")
        foreign = sorted({"aux_logits", "transform_input"} & (form or {}).keys()) if plain not in _SIDE_OUTPUTS else []
        if foreign:
            raise fpframe.UsageError(f"'{foreign[0]}' is for {' and '.join(_SIDE_OUTPUTS)} ({address}); leave it out")
        reason = ""
        mean, std = (_MEAN, _STD) if image_shape[0] == 3 else ((0.5,), (0.5,))
        network: nn.Module | None = None
        for changes in _attempts(plain, image_shape, pretrained) if form is None else iter([form]):
            if network is None or "enlarged" not in changes:  # the same network suits every size
                with isolated(seed):
                    try:
                        network = _network(plain, num_classes, image_shape[0], pretrained, changes)
                    except OSError as error:
                        raise fpframe.ModelError(
                            f"the weights of '{address}' cannot be obtained: {refusal(error)}; check the connection"
                        ) from error
            if "stem" in changes and not relax_stem(network):
                reason = "its stem keeps the resolution already"
                continue
            module = _enlarged(network, read_size(changes["enlarged"])) if "enlarged" in changes else network
            model = fpframe.Classifier(
                module,
                num_classes=num_classes,
                image_shape=image_shape,
                mean=mean,
                std=std,
                address=address,
                form=write_form(changes) if changes or form is not None else "",
            )
            try:
                return model.checked()
            except fpframe.ModelError as error:
                reason = refusal(error)
        raise cannot_be_built(self, name, num_classes, image_shape, reason)


def _attempts(name: str, image_shape: tuple[int, int, int], pretrained: bool) -> Iterator[dict[str, str]]:
    """Yield what to change, what suits the images best first: the stem, nothing, or the size, smallest side first."""
    channels, height, width = image_shape
    always: dict[str, str] = {}
    if name in _SIDE_OUTPUTS:
        # their side outputs are for a training loop of their own
        always["aux_logits"] = "false"
        if pretrained and channels == 3:
            always["transform_input"] = "true"
    if min(height, width) < SMALL_SIDE:
        yield {**always, "stem": "small"}
    yield always
    for side in _SIDES:
        scale = side / min(height, width)
        if scale > 1:
            yield {**always, "enlarged": write_size(round(height * scale), round(width * scale))}


def _enlarged(network: nn.Module, size: tuple[int, int]) -> nn.Module:
    """Return the network behind a layer that enlarges images."""
    return nn.Sequential(nn.Upsample(size=size, mode="bilinear", align_corners=False), network)


class _Asleep(nn.Module):
    """A side output that keeps its weights, and computes nothing."""

    def __init__(self, side: nn.Module) -> None:
        super().__init__()
        for name, child in side.named_children():
            self.add_module(name, child)

    def forward(self, features: torch.Tensor) -> None:
        """Return nothing."""


def _network(name: str, num_classes: int, channels: int, pretrained: bool, changes: Mapping[str, str]) -> nn.Module:
    from torchvision import models

    options: dict[str, Any] = {"weights": "DEFAULT" if pretrained else None}
    if not pretrained:
        options["num_classes"] = num_classes
    side_outputs = changes.get("aux_logits") != "false"
    if name in _SIDE_OUTPUTS and not pretrained:
        # unset weights would warn of a new default
        options |= {"aux_logits": side_outputs, "init_weights": True}
    network: Any = models.get_model(name, **options)
    if name in _SIDE_OUTPUTS:
        for side in ("AuxLogits", "aux1", "aux2"):
            aside = getattr(network, side, None)
            # kept where weights that come from elsewhere have them; nothing reads what they say
            setattr(network, side, _Asleep(aside) if side_outputs and aside is not None else None)
        network.aux_logits = False
        network.transform_input = changes.get("transform_input") == "true"
    if pretrained:
        _new_head(network, num_classes)
    if channels != 3:
        _new_channels(network, channels)
    return cast("nn.Module", network)


def _new_head(network: nn.Module, num_classes: int) -> None:
    """Replace the last layer, which is linear everywhere but in SqueezeNet."""
    name, head = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d)][
        -1
    ]
    parent, _, child = name.rpartition(".")
    fresh: nn.Module
    if isinstance(head, nn.Linear):
        fresh = nn.Linear(head.in_features, num_classes)
    else:
        fresh = nn.Conv2d(head.in_channels, num_classes, head.kernel_size)  # type: ignore[arg-type]
    setattr(network.get_submodule(parent), child, fresh)


def _new_channels(network: nn.Module, channels: int) -> None:
    """Give the first convolution another number of input channels; its weights are summed or repeated.

    The scale keeps the size of its outputs for images whose channels are alike, as timm does it.
    """
    first = next(layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    weight = first.weight.detach()
    repeated = weight.sum(1, keepdim=True) / channels
    first.in_channels = channels
    first.weight = nn.Parameter(repeated.expand(-1, channels, -1, -1).clone(memory_format=torch.contiguous_format))


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the backbones."""
    return [TorchvisionBackbones]
