"""`random`: small architectures that a seed draws, each another one."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import ClassVar

import attrs

import fpframe
from fpframe.rng import Draws, isolated
from fpframe_plugins.backbones._random_convolutions import Convolutions
from fpframe_plugins.backbones._random_patches import Patches
from fpframe_plugins.backbones._random_perceptron import Perceptron

Architecture = Convolutions | Perceptron | Patches

#: Families, the likelier ones more than once.
_SHARES = ("convolutions", "convolutions", "convolutions", "perceptron", "patches")
_FAMILIES: dict[str, type[Architecture]] = {"convolutions": Convolutions, "perceptron": Perceptron, "patches": Patches}
#: Seeds that are listed; there are as many architectures as whole numbers.
_LISTED = 20
_LEAST_SIDE = 8
_SEED = re.compile(r"0|[1-9]\d{0,18}")


@attrs.frozen(kw_only=True)
class Random(fpframe.BackboneSource):
    """A small architecture for each seed, as ``random:7``: models that nobody designed alike.

    The seed alone decides the architecture. It fits images of any size from 8x8 pixels, and any number of classes.
    Three in five are convolutional: two or three stages of one or two blocks of one or two convolutions; 8 to 20
    channels at first, and 1.3 to 2 times as many after each halving; kernels of 3 or 5 pixels after a stem of 3, 5 or
    7; with batch normalisation, group normalisation or none; plain or residual, full or depthwise-separable; halved by
    stride, maximum or average; a head on one to nine averages, with or without a hidden layer. One in five is a
    perceptron of one to three layers of 40 to 240 units with batch, layer or no normalisation. One in five is a
    transformer of one to three layers on at most 4x4 to 7x7 patches, with one to four heads of 10 to 16 features.
    Activations are ReLU, leaky ReLU, ELU, GELU, SiLU, hardswish or tanh, and dropout is 0, 0.1 or 0.25. There are
    millions of the first kind alone, so two seeds hardly ever give one architecture.

    In a recipe ``random:*`` is another architecture for each model.
    """

    name: ClassVar[str] = "random"
    seeded: ClassVar[bool] = True

    def names(self, pattern: str = "*") -> list[str]:
        """Return the first few seeds that match a shell pattern, sorted as text."""
        return sorted(str(seed) for seed in range(_LISTED) if fnmatchcase(str(seed), pattern))

    def examples(self) -> tuple[str, ...]:
        """Return one of each family."""
        return ("0", "1", "4")

    def build(
        self,
        name: str,
        *,
        num_classes: int,
        image_shape: tuple[int, int, int],
        pretrained: bool = False,
        seed: int,
    ) -> fpframe.Classifier:
        """Return a network with fresh weights for images of at least 8x8 pixels.

        Raises:
            UsageError: the name is not a whole number, or trained weights are asked for.
            ModelError: the images are too small.
        """
        address, (_, height, width) = f"{self.name}:{name}", image_shape
        if not _SEED.fullmatch(name):
            raise fpframe.UsageError(
                f"no architecture '{name}' ({address}); name one by a whole number of at most 19 digits, such as "
                f"{self.name}:7"
            )
        if pretrained:
            raise fpframe.UsageError(
                f"'{address}' has no pretrained weights; use timm:NAME or torchvision:NAME for those"
            )
        if min(height, width) < _LEAST_SIDE:
            raise fpframe.ModelError(
                f"'{address}' needs images of at least {_LEAST_SIDE}x{_LEAST_SIDE} pixels "
                f"(got {height}x{width}); enlarge the images"
            )
        with isolated(seed):
            module = architecture(int(name)).build(*image_shape, num_classes)
        return fpframe.Classifier(
            module, num_classes=num_classes, image_shape=image_shape, mean=(0.5,), std=(0.5,), address=address
        )


def architecture(seed: int) -> Architecture:
    """Return what a seed stands for, before it is built for images of some size."""
    family = Draws(seed).one_of("family", _SHARES)
    return _FAMILIES[family].drawn(Draws(seed, family))


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the backbone."""
    return [Random]
