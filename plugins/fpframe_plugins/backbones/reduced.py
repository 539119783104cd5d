"""`reduced`: the five architectures of the paper on colour images, with a quarter of their channels."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

import attrs
import torch
from torch import nn

import fpframe
from fpframe.rng import isolated
from fpframe_plugins.backbones._adapting import SMALL_SIDE, relax_stem
from fpframe_plugins.backbones._ours import OurNetworks

#: torchvision's name and options of each; GoogLeNet's side outputs are for a training loop of their own.
_ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "densenet121": ("densenet121", {}),
    "googlenet": ("googlenet", {"aux_logits": False, "init_weights": False}),
    "resnet18": ("resnet18", {}),
    "resnet34": ("resnet34", {}),
    "vgg16": ("vgg16_bn", {}),
}
#: Every width in the five can be divided by it.
_DIVISOR = 4


@attrs.frozen(kw_only=True)
class Reduced(OurNetworks):
    """ResNet-18 and -34, VGG-16, GoogLeNet and DenseNet-121 that train in minutes on one core.

    They keep the depth and the wiring of torchvision's networks. Every convolution has a quarter of its
    channels (DenseNet: growth rate 8, 16 initial features), so about a sixteenth of the weights.

    No stem has a max-pool: the first convolution alone halves images below 64 pixels and quarters larger ones.
    VGG-16, which halves five times later on, keeps the former and halves the latter. So images of 32 and of 64
    pixels cost about the same. VGG-16 has batch normalisation, and one linear layer on averaged features: at
    this size its three fully connected layers would be nearly all of the network.

    Source: the architectures that Peng et al. (CVPR 2022) use on CIFAR-10 and TinyImageNet.
    """

    name: ClassVar[str] = "reduced"
    architectures: ClassVar[Collection[str]] = tuple(_ARCHITECTURES)
    least_side: ClassVar[int] = 16

    def examples(self) -> tuple[str, ...]:
        """Return the two that are built most quickly."""
        return ("resnet18", "vgg16")

    def build(
        self,
        name: str,
        *,
        num_classes: int,
        image_shape: tuple[int, int, int],
        pretrained: bool = False,
        seed: int,
    ) -> fpframe.Classifier:
        """Return a network with fresh weights for images of at least 16x16 pixels.

        Raises:
            UsageError: there is no such architecture, or trained weights are asked for.
            ModelError: the images are too small.
        """
        address = self.checked_address(name, image_shape, pretrained=pretrained)
        channels, height, width = image_shape
        network = _blueprint(name)
        # without any stride in their stems, all but VGG-16 would take three to four times as long
        stride = (2 if relax_stem(network) else 1) * (1 if min(height, width) < SMALL_SIDE else 2)
        with isolated(seed):
            _thin(network, channels, num_classes, stride=stride)
        model = fpframe.Classifier(
            network, num_classes=num_classes, image_shape=image_shape, mean=(0.5,), std=(0.5,), address=address
        )
        return model.checked()


def _blueprint(name: str) -> nn.Module:
    """Return torchvision's network of full width, without memory for its weights."""
    # torchvision takes seconds to import: only for those who ask for it
    from torchvision import models

    known, options = _ARCHITECTURES[name]
    with torch.device("meta"):
        network: nn.Module = models.get_model(known, weights=None, **options)
        if name == "vgg16":
            network.avgpool, network.classifier = nn.AdaptiveAvgPool2d(1), nn.Linear(512, 1000)
            for layer in network.modules():
                if isinstance(layer, nn.MaxPool2d):
                    layer.ceil_mode = True  # five halvings leave nothing of 28 pixels otherwise
    return network


def _thin(network: nn.Module, channels: int, num_classes: int, *, stride: int) -> None:
    """Replace each layer that has weights by a narrower one with fresh weights, in place."""
    first = True
    for name, layer in list(network.named_modules()):
        narrow: nn.Module
        if isinstance(layer, nn.Conv2d):
            narrow = nn.Conv2d(
                channels if first else layer.in_channels // _DIVISOR,
                layer.out_channels // _DIVISOR,
                layer.kernel_size,  # type: ignore[arg-type]
                stride=stride if first else layer.stride,  # type: ignore[arg-type]
                padding=layer.padding,  # type: ignore[arg-type]
                bias=layer.bias is not None,
            )
            # as most of the five are initialised; batch normalisation takes the scale out in any case
            nn.init.kaiming_normal_(narrow.weight, mode="fan_out", nonlinearity="relu")
            first = False
        elif isinstance(layer, nn.BatchNorm2d):
            narrow = nn.BatchNorm2d(layer.num_features // _DIVISOR, eps=layer.eps)
        elif isinstance(layer, nn.Linear):
            narrow = nn.Linear(layer.in_features // _DIVISOR, num_classes)
        else:
            continue
        # narrow convolutions run up to twice as fast in this layout on a CPU, which copies and loading keep
        network.set_submodule(name, narrow.to(memory_format=torch.channels_last))


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the backbone."""
    return [Reduced]
