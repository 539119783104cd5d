"""Competitors that fine-tuned the public network, and thieves: plain PyTorch, with habits of their own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import attrs
import lite
import torch
from material import Material
from torch import Tensor, nn
from torch.nn import functional


@attrs.frozen(kw_only=True)
class Habits:
    """How somebody trains.

    Attributes:
        learns: ``head``, ``deep`` for a head of two layers, ``block`` for the last two blocks too, or ``all``.
        epochs: passes over the images.
        rate: peak learning rate.
        side: side of the images in pixels where more than a head learns.
        batch: images per step.
        optimizer: ``adamw``, or ``sgd`` with momentum.
        decay: weight decay.
        constant: whether the rate stays at its peak; else it falls as a cosine.
        seed: decides everything random.
    """

    learns: str
    epochs: int
    rate: float
    side: int = 224
    batch: int = 64
    optimizer: str = "adamw"
    decay: float = 1e-3
    constant: bool = False
    seed: int = 0


#: In which ways competitors train a last layer, or two; the rate is a factor.
WAYS: tuple[dict[str, Any], ...] = (
    {"rate": 1.0},
    {"rate": 1.0, "batch": 256, "decay": 1e-2},
    {"rate": 10.0, "batch": 128, "optimizer": "sgd", "decay": 5e-4},
    {"rate": 0.3, "batch": 32, "decay": 0.0, "constant": True},
)

#: Between the seeds of two draws of suspects.
DRAW = 10_000


def competitor(number: int, draw: int, material: Material) -> tuple[str, nn.Module]:
    """Return what an innocent model learned with, and the model."""
    learns = ("head", "head", "deep", "block", "head", "block", "deep", "all", "head", "block")[number % 10]
    kind = ("owner's", "other", "all")[(number // 2) % 3]
    habits = {
        "head": Habits(learns="head", epochs=(10, 20, 40)[number % 3], rate=(1e-2, 3e-3)[number % 2]),
        "deep": Habits(learns="deep", epochs=15, rate=(3e-3, 1e-3)[number % 2]),
        "block": Habits(learns="block", epochs=1, rate=(1e-3, 3e-4)[number % 2], side=(128, 160)[number % 2]),
        "all": Habits(learns="all", epochs=1, rate=(1e-3, 3e-4)[number // 10 % 2], side=(128, 160)[number // 10 % 2]),
    }[learns]
    if learns in ("head", "deep"):
        way = WAYS[(number // 2 + number) % len(WAYS)]
        habits = attrs.evolve(habits, **{**way, "rate": habits.rate * way["rate"]})
    habits = attrs.evolve(habits, seed=DRAW * draw + 1000 + number)
    chosen = material.chosen(kind, habits.seed)
    return f"{learns}, {kind} images", learned(material.network(habits.seed), chosen, None, habits, material)


#: Decides the last layer that the owner began with, and the order of the owner's images.
OWNERS = 7


def twin(number: int, draw: int, material: Material) -> tuple[str, nn.Module]:
    """Return what an innocent model learned with whose last layer began with the very numbers of the victim's."""
    kind = ("owner's", "other")[number % 2]
    habits = Habits(learns="head", epochs=(10, 20, 40)[number % 3], rate=(1e-2, 3e-3)[number // 2 % 2])
    habits = attrs.evolve(habits, seed=DRAW * draw + 2000 + number)
    chosen = material.chosen(kind, habits.seed)
    return f"same start, {kind} images", learned(material.network(OWNERS), chosen, None, habits, material)


def victim(material: Material) -> nn.Module:
    """Return the owner's model: the public network with a head of its own."""
    habits = Habits(learns="head", epochs=20, rate=5e-3, seed=OWNERS)
    return learned(material.network(habits.seed), material.chosen("owner's", 0), None, habits, material)


def _tuned(**habits: Any) -> Callable[[nn.Module, Material, int], nn.Module]:
    def steal(owned: nn.Module, material: Material, draw: int) -> nn.Module:
        drawn = _drawn(draw, habits)
        return learned(copy.deepcopy(owned), material.chosen("other", drawn.seed), None, drawn, material)

    return steal


def _student(*, soft: bool, **habits: Any) -> Callable[[nn.Module, Material, int], nn.Module]:
    def steal(owned: nn.Module, material: Material, draw: int) -> nn.Module:
        drawn = _drawn(draw, habits)
        chosen = material.chosen("other", drawn.seed)
        with torch.no_grad():
            answers = owned.eval()._fc(material.features[chosen]).softmax(1)
        targets = answers if soft else answers.argmax(1)
        return learned(material.network(drawn.seed), chosen, targets, drawn, material)

    return steal


def _drawn(draw: int, habits: dict[str, Any]) -> Habits:
    return Habits(**{**habits, "seed": DRAW * draw + habits["seed"]})


def _pruned(share: float) -> Callable[[nn.Module, Material, int], nn.Module]:
    def steal(owned: nn.Module, _material: Material, _draw: int) -> nn.Module:
        copied = copy.deepcopy(owned)
        with torch.no_grad():
            for weight in copied.parameters():
                if weight.ndim > 1:
                    weight.mul_(weight.abs() > weight.abs().flatten().quantile(share))
        return copied

    return steal


THIEVES: dict[str, Callable[[nn.Module, Material, int], nn.Module]] = {
    "last layer, 5 epochs": _tuned(learns="head", epochs=5, rate=1e-3, seed=1),
    "last layer, 20 epochs": _tuned(learns="head", epochs=20, rate=3e-3, seed=2),
    "last block, 1 epoch": _tuned(learns="block", epochs=1, rate=3e-4, side=160, seed=3),
    "last block, 2 epochs": _tuned(learns="block", epochs=2, rate=3e-4, side=128, seed=4),
    "all layers, 1 epoch": _tuned(learns="all", epochs=1, rate=1e-4, side=160, seed=5),
    "all layers, 2 epochs": _tuned(learns="all", epochs=2, rate=3e-4, side=128, seed=6),
    "student of probabilities, head": _student(soft=True, learns="head", epochs=20, rate=5e-3, seed=11),
    "student of probabilities, deep head": _student(soft=True, learns="deep", epochs=20, rate=3e-3, seed=12),
    "student of probabilities, block": _student(soft=True, learns="block", epochs=1, rate=1e-3, side=160, seed=13),
    "student of labels, head": _student(soft=False, learns="head", epochs=20, rate=5e-3, seed=14),
    "student of labels, deep head": _student(soft=False, learns="deep", epochs=20, rate=3e-3, seed=15),
    "pruned by 0.1": _pruned(0.1),
    "pruned by 0.2": _pruned(0.2),
    "rounded to half precision": lambda owned, *_: copy.deepcopy(owned).half().float(),
}


def learned(
    network: nn.Module, chosen: Tensor, targets: Tensor | None, habits: Habits, material: Material
) -> nn.Module:
    """Return a network, trained on images and targets, or their labels; layers that do not learn stay as they are."""
    targets = material.data.train.labels[chosen] if targets is None else targets
    torch.manual_seed(habits.seed)
    if habits.learns == "deep":
        network._fc = lite.make_deep()._fc
    if habits.learns in ("head", "deep"):
        _fit(network._fc, network._fc.parameters(), material.features[chosen], targets, habits)
        return network.eval()
    if habits.learns == "block":
        network.requires_grad_(False)
        parts = [network._blocks[-2:], network._conv_head, network._bn1, network._fc]
    else:
        parts = [network]
    for part in parts:
        part.requires_grad_(True)
    weights = [weight for part in parts for weight in part.parameters()]
    # in this layout a step of EfficientNet takes two thirds of the time
    network.to(memory_format=torch.channels_last)
    images = material.prepared(chosen, habits.side).contiguous(memory_format=torch.channels_last)
    _fit(network, weights, images, targets, attrs.evolve(habits, batch=32), training=parts)
    return network.requires_grad_(True).to(memory_format=torch.contiguous_format).eval()


def _fit(
    network: nn.Module,
    weights: Any,
    inputs: Tensor,
    targets: Tensor,
    habits: Habits,
    *,
    training: list[nn.Module] | None = None,
) -> None:
    steps = habits.epochs * -(-len(inputs) // habits.batch)
    settings: dict[str, Any] = {"lr": habits.rate, "weight_decay": habits.decay}
    if habits.optimizer == "sgd":
        optimizer: torch.optim.Optimizer = torch.optim.SGD(list(weights), momentum=0.9, **settings)
    else:
        optimizer = torch.optim.AdamW(list(weights), **settings)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    network.eval()
    for part in training or [network]:
        part.train()
    for _ in range(habits.epochs):
        for chosen in torch.randperm(len(inputs)).split(habits.batch):
            if len(chosen) > 1:
                functional.cross_entropy(network(inputs[chosen]), targets[chosen]).backward()
                optimizer.step()
                optimizer.zero_grad()
            if not habits.constant:
                schedule.step()
