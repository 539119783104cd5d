"""`torchvision`: the image classifiers of torchvision, adapted to channels, classes and small images."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, ClassVar, cast

import attrs
import torch
from torch import nn

import fpframe
from fpframe.rng import isolated
from fpframe_plugins.backbones._adapting import SMALL_SIDE, refusal, relax_stem

#: Sides in pixels that images are enlarged to where a network refuses their own size.
_SIDES = (32, 64, 96, 128, 224, 256)
#: Of the RGB photographs that all pretrained weights were fitted to.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@attrs.frozen(kw_only=True)
class TorchvisionBackbones(fpframe.BackboneSource):
    """Build ``torchvision:NAME`` for any image shape; classification networks only.

    Networks keep the resolution of images below 64 pixels in their stem. Where one still refuses them, as VGG
    does with digits and ViT with anything but 224 pixels, it gets a first layer that enlarges them (bilinear)
    to the smallest side of 32, 64, 96, 128, 224 or 256 pixels that it takes.
    """

    name: ClassVar[str] = "torchvision"

    def names(self, pattern: str = "*") -> list[str]:
        """Return the architectures that match a shell pattern, sorted."""
        from torchvision import models

        return sorted(name for name in models.list_models(module=models) if fnmatchcase(name, pattern))

    def examples(self) -> tuple[str, ...]:
        """Return the two with the fewest weights."""
        return ("shufflenet_v2_x0_5", "squeezenet1_1")

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
        if name not in (known := self.names()):
            close = difflib.get_close_matches(name, known, n=3)
            hint = f"did you mean {', '.join(close)}?" if close else f"known: {', '.join(known)}"
            raise fpframe.UsageError(f"torchvision has no architecture '{name}' ({self.name}:{name}); {hint}")
        address, reason = f"{self.name}:{name}", ""
        mean, std = (_MEAN, _STD) if image_shape[0] == 3 else ((0.5,), (0.5,))
        small = min(image_shape[1:]) < SMALL_SIDE
        for relax in (True, False) if small else (False,):
            with isolated(seed):
                try:
                    network = _network(name, num_classes, image_shape[0], pretrained)
                except OSError as error:
                    raise fpframe.ModelError(
                        f"the weights of '{address}' cannot be obtained: {refusal(error)}; check the connection"
                    ) from error
            relaxed = relax and relax_stem(network)
            for module in (network,) if relaxed else (network, *_enlarging(network, image_shape)):
                model = fpframe.Classifier(
                    module, num_classes=num_classes, image_shape=image_shape, mean=mean, std=std, address=address
                )
                try:
                    return model.checked()
                except fpframe.ModelError as error:
                    reason = refusal(error)
        raise fpframe.ModelError(
            f"'{address}' cannot be built for images of shape {image_shape} (channels, height, width): "
            f"{reason}; take another architecture, such as torchvision:resnet18"
        )


def _enlarging(network: nn.Module, image_shape: tuple[int, int, int]) -> Iterator[nn.Module]:
    """Yield the network behind a layer that enlarges images, to the smallest side first."""
    _, height, width = image_shape
    for side in _SIDES:
        scale = side / min(height, width)
        if scale > 1:
            size = (round(height * scale), round(width * scale))
            yield nn.Sequential(nn.Upsample(size=size, mode="bilinear", align_corners=False), network)


def _network(name: str, num_classes: int, channels: int, pretrained: bool) -> nn.Module:
    from torchvision import models

    options: dict[str, Any] = {"weights": "DEFAULT" if pretrained else None}
    if not pretrained:
        options["num_classes"] = num_classes
    if name in ("googlenet", "inception_v3") and not pretrained:
        # their side outputs are for a training loop of their own; unset weights would warn of a new default
        options |= {"aux_logits": False, "init_weights": True}
    network: Any = models.get_model(name, **options)
    if name in ("googlenet", "inception_v3"):
        network.aux_logits, network.AuxLogits, network.aux1, network.aux2 = False, None, None, None
        network.transform_input = pretrained and channels == 3
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
