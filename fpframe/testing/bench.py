"""`Bench`: the small models and images on which a component is tried, made from seeds."""

from __future__ import annotations

import copy
import shutil
import tempfile
import weakref
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from fpframe.interfaces import Augmenter, PerturbationGenerator, References
from fpframe.models import Classifier, Images, Training, train
from fpframe.rng import derive_seed, generator, isolated

T = TypeVar("T")

#: Height and width of the images, and the number of classes K: small, for the kit is run often.
SIDE = 12
CLASSES = 4


class _Blind(nn.Module):
    """A network without gradients."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    @torch.no_grad()
    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits ``(N, K)``."""
        logits: Tensor = self.network(pixels)
        return logits


class Bench:
    """Make what checks need, once each.

    What it hands over is a copy, so that a component which breaks its input does not spoil the next check.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, object] = {}
        self._blocks = ExitStack()
        weakref.finalize(self, self._blocks.close)

    def enter(self, block: AbstractContextManager[T]) -> T:
        """Enter a block that ends with this bench, and return what it yields."""
        return self._blocks.enter_context(block)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` returns, which is called only the first time that `key` is asked for."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]  # type: ignore[return-value]  # what was put under the key

    @cached_property
    def folder(self) -> Path:
        """A folder of this bench, removed with it."""
        folder = tempfile.mkdtemp(prefix="fpframe-check-")
        # a TemporaryDirectory would be removed too, but with a warning
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)

    def new_folder(self) -> Path:
        """Make an empty folder below the bench's."""
        return Path(tempfile.mkdtemp(dir=self.folder))

    def images(self, count: int = 96, *, channels: int = 1, seed: int = 0) -> Images:
        """Return labelled images ``(count, channels, SIDE, SIDE)`` of CLASSES classes: noisy prototypes."""
        prototypes = torch.rand(CLASSES, channels, SIDE, SIDE, generator=generator(0, "prototypes", channels))
        source = generator(seed, "images", channels)
        labels = torch.arange(count) % CLASSES
        noise = torch.randn(count, channels, SIDE, SIDE, generator=source)
        pixels = (prototypes[labels] + 0.5 * noise).clamp(0, 1)
        return Images((pixels * 255).round().to(torch.uint8), labels)

    def classifier(self, *, channels: int = 1, seed: int = 0) -> Classifier:
        """Return a small trained network, a new copy each time."""
        return copy.deepcopy(self.once(("classifier", channels, seed), lambda: self._train(channels, seed)))

    def constant(self, *, channels: int = 1) -> Classifier:
        """Return a network that gives the same answer to every image."""
        classifier = self.untrained(channels=channels, seed=0)
        layer = [module for module in classifier.modules() if isinstance(module, nn.Linear)][-1]
        with torch.no_grad():
            layer.weight.zero_()
            layer.bias.copy_(torch.linspace(0, 1, CLASSES))
        return classifier.eval()

    def without_gradients(self, *, channels: int = 1) -> Classifier:
        """Return `classifier` as a network that autograd cannot follow, as one that another library computes."""
        classifier = self.classifier(channels=channels)
        classifier.module = _Blind(classifier.module)
        return classifier.eval()

    def untrained(self, *, channels: int = 1, seed: int = 0) -> Classifier:
        """Return the network with fresh weights."""
        with isolated(derive_seed(seed, "weights")):
            layers = nn.Sequential(
                nn.Conv2d(channels, 8, 3, padding=1, bias=False),
                nn.BatchNorm2d(8),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Conv2d(8, 12, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Flatten(),
                nn.Linear(12 * (SIDE // 4) ** 2, CLASSES),
            )
        return Classifier(
            layers, num_classes=CLASSES, image_shape=(channels, SIDE, SIDE), address="conformance:small"
        ).eval()

    def references(self, *, channels: int = 1) -> References:
        """Return two derived and three independent models."""
        derived = [self.classifier(channels=channels, seed=0) for _ in range(2)]
        for number, model in enumerate(derived):
            with torch.no_grad():
                for weight in model.parameters():
                    weight.mul_(1 + 0.01 * (number + 1))
        return References(derived, [self.classifier(channels=channels, seed=seed) for seed in (11, 12, 13)])

    def references_for(self, component: Augmenter | PerturbationGenerator, *, channels: int = 1) -> References | None:
        """Return references for a component that declares to need them; ``None`` for any other."""
        return self.references(channels=channels) if component.needs_references else None

    def answers(self, models: int = 6, views: int = 3, *, queries: int = 10) -> Tensor:
        """Return answers ``(models, views, queries, CLASSES)``: the first half alike, the second half not."""
        source = generator(0, "answers")
        common = torch.randn(1, views, queries, CLASSES, generator=source)
        own = torch.randn(models, views, queries, CLASSES, generator=source)
        near = torch.arange(models) < models // 2
        weight = torch.where(near, 0.2, 3.0).reshape(-1, 1, 1, 1)
        return (3 * common * near.reshape(-1, 1, 1, 1) + weight * own).softmax(3)

    def _train(self, channels: int, seed: int) -> Classifier:
        few = self.images(channels=channels, seed=derive_seed(seed, "training"))
        training = Training(epochs=8, batch_size=16, learning_rate=1e-2)
        return train(self.untrained(channels=channels, seed=seed), few.pixels, few.labels, training, seed=seed).eval()
