"""Models that were made from a victim, by code of their own, and what thieves do to hide them."""

from __future__ import annotations

import copy
import functools
import random
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import torch
from networks import any_network, convolutional
from torch import Tensor, nn
from training import Habits, Prepared, draw_habits, fit, probabilities

from fpframe.models import Images

Model = Callable[[Tensor], Tensor]
#: Shapes of the victim's own answers that a thief may choose: the temperature at which they are given.
TEMPERATURES = (0.25, 4.0, 10.0, 100.0)
#: Passes over the thief's images, by kind of copy.
EPOCHS = {"fine-tuned, 2 epochs": 2, "fine-tuned, 5 epochs": 5, "fine-tuned, 10 epochs": 10}
#: The kinds of thieves that do not hide, one for each thief.
PLAIN = [
    *(kind for kind in EPOCHS for _ in range(4)),
    *(kind for kind in ("student of probabilities", "student of labels") for _ in range(12)),
]
#: Those of them that hide as well: four copies, four students of probabilities, and four of labels.
HIDING = [*range(4), *range(12, 16), *range(24, 28)]


def plain_thief(number: int, victim: Prepared, like_victim: Callable[[], nn.Module], owned: Images) -> Model:
    """Return a thief that does not hide: a copy that was trained further, or a student.

    Args:
        number: of the thief, below `len(PLAIN)`.
        victim: takes pixels from 0 to 1.
        like_victim: returns the victim's architecture with fresh weights.
        owned: the thief's images.
    """
    kind, chance = PLAIN[number], random.Random(number)
    torch.manual_seed(number)
    if kind in EPOCHS:
        pixels, labels = _share(owned, chance, 5000)
        rate = chance.choice([5e-4, 1e-3])
        habits = Habits(epochs=EPOCHS[kind], rate=rate, mean=victim.mean, std=victim.std)
        network = copy.deepcopy(victim.network).requires_grad_(True)
        return Prepared(fit(network, pixels, labels, habits, seed=number), habits).eval()
    network = like_victim() if number % 3 == 0 else any_network(chance)
    return _student(network, functools.partial(answered, victim), owned, number, labels_only="labels" in kind)


def second_model(number: int, owned: Images) -> Model:
    """Return a model of a thief's own, trained on the true labels of his images."""
    chance = random.Random(900 + number)
    torch.manual_seed(900 + number)
    pixels, labels = _share(owned, chance, 20000)
    habits = draw_habits(chance, len(pixels))
    return Prepared(fit(any_network(chance), pixels, labels, habits, seed=number), habits).eval()


def student_of_mix(number: int, base: Model, other: Model, owned: Images) -> Model:
    """Return a student of a stolen model and another one, mixed in equal parts."""
    torch.manual_seed(500 + number)
    network = convolutional(random.Random(500 + number))
    return _student(network, Mix(base, other, 0.5), owned, 500 + number, labels_only=False)


def disguises(base: Model, other: Model) -> Iterator[tuple[str, Model]]:
    """Yield what a thief may serve in place of a stolen model who also has another one."""
    for temperature in TEMPERATURES:
        yield f"temperature {temperature:g}", Sharpened(base, temperature)
    yield "one decimal", Rounded(base)
    yield "labels alone", Labels(base)
    for margin in (0.2, 0.5):
        yield f"gate at {margin:g}", Gate(base, other, margin)
    for weight in (0.3, 0.5):
        yield f"mixed, {weight:g} another model", Mix(base, other, weight)


def _student(network: nn.Module, teacher: Model, owned: Images, number: int, *, labels_only: bool) -> Model:
    """Train a network on what a teacher answers to the thief's images."""
    chance = random.Random(200 + number)
    pixels, _ = _share(owned, chance, chance.choice([8000, 14000, 20000]))
    answers = torch.cat([teacher(part) for part in pixels.split(500)])
    habits = draw_habits(chance, len(pixels))
    made = fit(network, pixels, answers.argmax(1) if labels_only else answers, habits, seed=number)
    return Prepared(made, habits).eval()


def _share(owned: Images, chance: random.Random, count: int) -> tuple[Tensor, Tensor]:
    chosen = torch.tensor(chance.sample(range(len(owned)), min(count, len(owned))))
    return owned.pixels[chosen], owned.labels[chosen]


def answered(model: Any, pixels: Tensor) -> Tensor:
    """Return ``(N, K)`` probabilities of a module or a callable."""
    return probabilities(model, pixels) if isinstance(model, nn.Module) else model(pixels)


@attrs.frozen
class Sharpened:
    """Answers at another temperature; labels stay."""

    base: Any
    temperature: float

    def __call__(self, pixels: Tensor) -> Tensor:
        return (answered(self.base, pixels).clamp_min(1e-30).log() / self.temperature).softmax(1)


@attrs.frozen
class Rounded:
    """Answers with one decimal."""

    base: Any

    def __call__(self, pixels: Tensor) -> Tensor:
        return answered(self.base, pixels).mul(10).round().div(10)


@attrs.frozen
class Labels:
    """The most likely class and nothing else."""

    base: Any

    def __call__(self, pixels: Tensor) -> Tensor:
        return answered(self.base, pixels).argmax(1)


@attrs.frozen
class Gate:
    """Another model answers where the base is unsure: where its two best classes are closer than a margin."""

    base: Any
    other: Any
    margin: float

    def __call__(self, pixels: Tensor) -> Tensor:
        own, others = answered(self.base, pixels), answered(self.other, pixels)
        best = own.topk(2, 1).values
        return torch.where((best[:, 0] - best[:, 1] < self.margin)[:, None], others, own)


@attrs.frozen
class Mix:
    """The mean of two models' answers, the other one with a weight."""

    base: Any
    other: Any
    weight: float

    def __call__(self, pixels: Tensor) -> Tensor:
        return (1 - self.weight) * answered(self.base, pixels) + self.weight * answered(self.other, pixels)
