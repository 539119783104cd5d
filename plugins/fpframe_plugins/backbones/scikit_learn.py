"""`sklearn`: models that are not made by gradient descent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import ClassVar

import attrs

import fpframe
from fpframe.errors import nearest
from fpframe.models import Fitted
from fpframe.rng import Draws
from fpframe_plugins.backbones._forest import Forest
from fpframe_plugins.backbones._kernel_machine import KernelMachine
from fpframe_plugins.backbones._logistic import Logistic
from fpframe_plugins.backbones._neighbours import Neighbours

_NAME = re.compile(r"([a-z-]+?)(?:-(0|[1-9]\d{0,18}))?")
_NO_SLOPE = "nothing in it was fitted when it is built, so its answers do not depend on the image yet"


def _forest(draws: Draws, classes: int, image_shape: tuple[int, int, int], *, extra: bool = False) -> Fitted:
    return Forest(
        classes,
        extra=extra,
        trees=draws.whole("trees", 20, 40),
        depth=draws.whole("depth", 10, 16),
        leaves=draws.whole("leaves", 400, 900),
        images=draws.whole("images", 6000, 12_000),
    )


def _extra_trees(draws: Draws, classes: int, image_shape: tuple[int, int, int]) -> Fitted:
    return _forest(draws, classes, image_shape, extra=True)


def _neighbours(draws: Draws, classes: int, image_shape: tuple[int, int, int]) -> Fitted:
    return Neighbours(
        classes, image_shape, nearest=draws.whole("nearest", 1, 12), images=draws.whole("images", 1500, 4000)
    )


def _machine(draws: Draws, classes: int, image_shape: tuple[int, int, int]) -> Fitted:
    return KernelMachine(
        classes,
        image_shape,
        cost=draws.number("cost", 1.0, 10.0, decimals=1),
        narrowness=draws.number("narrowness", 0.5, 1.5),
        images=draws.whole("images", 1200, 2500),
    )


def _logistic(draws: Draws, classes: int, image_shape: tuple[int, int, int]) -> Fitted:
    return Logistic(
        classes,
        image_shape,
        cost=draws.one_of("cost", (0.01, 0.03, 0.1, 0.3, 1.0)),
        images=draws.whole("images", 2000, 6000),
    )


_KINDS: dict[str, Callable[[Draws, int, tuple[int, int, int]], Fitted]] = {
    "extra-trees": _extra_trees,
    "logistic-regression": _logistic,
    "nearest-neighbours": _neighbours,
    "random-forest": _forest,
    "svm": _machine,
}


@attrs.frozen(kw_only=True)
class ScikitLearn(fpframe.BackboneSource):
    """Forests, neighbours, support vector machines and logistic regression on pixels, as ``sklearn:svm``.

    They are trained, stored, asked and opened as networks are, but fitted to labels at once, on a part of the images.
    What they have learned lies in plain arrays in their state, and nothing is pickled: the nodes of trees, the images
    that neighbours are sought among, support vectors, weights. Images with a side above 32 pixels are averaged down to
    that. A number after the name draws the size and the strictness of a model, as in ``sklearn:svm-7``; in a recipe
    ``sklearn:svm-*`` is another one for each model. Trees and neighbours have no slope, so no perturbation can be
    crafted on them. Fine-tuning and other attacks that go on training do not take them.
    """

    name: ClassVar[str] = "sklearn"
    seeded: ClassVar[bool] = True
    expected_failures: ClassVar[Mapping[str, str]] = MappingProxyType({"gradients_reach_the_images": _NO_SLOPE})

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn before a model is fitted."""
        return True

    def names(self, pattern: str = "*") -> list[str]:
        """Return the kinds that match a shell pattern, sorted; each has one model for every number too."""
        return sorted(name for name in _KINDS if fnmatchcase(name, pattern))

    def examples(self) -> tuple[str, ...]:
        """Return all kinds."""
        return tuple(self.names())

    def build(
        self,
        name: str,
        *,
        num_classes: int,
        image_shape: tuple[int, int, int],
        pretrained: bool = False,
        seed: int,
    ) -> fpframe.Classifier:
        """Return a model that is not fitted yet; `seed` decides nothing.

        Raises:
            UsageError: there is no such kind, or a trained model is asked for.
        """
        address = f"{self.name}:{name}"
        match = _NAME.fullmatch(name)
        if match is None or match[1] not in _KINDS:
            raise fpframe.UsageError(f"no architecture '{name}' ({address}){nearest(name, list(_KINDS))}")
        if pretrained:
            raise fpframe.UsageError(f"'{address}' has no trained model; fit one with fpframe.train")
        module = _KINDS[match[1]](Draws(int(match[2] or 0), match[1]), num_classes, image_shape)
        module.streams = True  # `some_of` reads the images for all of them
        return fpframe.Classifier(module, num_classes=num_classes, image_shape=image_shape, address=address)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the models."""
    return [ScikitLearn]
