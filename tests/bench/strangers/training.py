"""How strangers train: loops of plain PyTorch, with what is usual drawn for each."""

from __future__ import annotations

import random

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor, nn


@attrs.frozen(kw_only=True)
class Habits:
    """What somebody does when a network is trained.

    Attributes:
        epochs: passes over the images.
        rate: largest learning rate, which falls to zero along a cosine.
        optimizer: ``adamw`` or ``sgd``.
        mirrored: whether half of the batches are mirrored.
        shifted: largest shift of a batch, in pixels.
        mixed: whether pairs of images and labels are mixed.
        smoothing: share of a label that is spread over all classes.
        mean, std: what is subtracted from pixels, and what they are divided by.
    """

    epochs: int = 8
    rate: float = 1e-3
    optimizer: str = "adamw"
    mirrored: bool = False
    shifted: int = 0
    mixed: bool = False
    smoothing: float = 0.0
    mean: float = 0.2860
    std: float = 0.3530


def draw_habits(chance: random.Random, images: int, *, strong: bool = False) -> Habits:
    """Return habits with about 45 000 images to see in all; strong ones change images and labels a great deal."""
    optimizer = chance.choice(["adamw", "adamw", "sgd"])
    return Habits(
        epochs=max(2, min(20, round(chance.uniform(0.7, 1.3) * 45_000 / images))),
        rate=chance.choice([1e-3, 2e-3] if optimizer == "adamw" else [0.01, 0.03]),
        optimizer=optimizer,
        mirrored=chance.random() < 0.5,
        shifted=chance.choice([1, 2, 3]) if strong else 0,
        mixed=strong and chance.random() < 0.5,
        smoothing=chance.choice([0.05, 0.1, 0.2]) if strong else 0.0,
        mean=chance.choice([0.2860, 0.5, 0.0]),
        std=chance.choice([0.3530, 0.5]),
    )


def fit(network: nn.Module, pixels: Tensor, targets: Tensor, habits: Habits, *, seed: int) -> nn.Module:
    """Train on labels ``(N,)`` or on probabilities ``(N, K)``, in batches of 128."""
    torch.manual_seed(seed)
    chance = random.Random(seed)
    if habits.optimizer == "sgd":
        optimizer: torch.optim.Optimizer = torch.optim.SGD(
            network.parameters(), habits.rate, momentum=0.9, weight_decay=5e-4
        )
    else:
        optimizer = torch.optim.AdamW(network.parameters(), habits.rate)
    soft = targets if targets.ndim == 2 else F.one_hot(targets, 10).float()
    steps = habits.epochs * -(-len(pixels) // 128)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    network.train()
    for _ in range(habits.epochs):
        for batch in torch.randperm(len(pixels)).split(128):
            if len(batch) < 2:  # statistics of one image are none
                continue
            images, aims = _changed(pixels[batch], soft[batch], habits, chance)
            optimizer.zero_grad()
            loss = F.cross_entropy(network((images - habits.mean) / habits.std), aims, label_smoothing=habits.smoothing)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            schedule.step()
    return network.eval()


def _changed(images: Tensor, aims: Tensor, habits: Habits, chance: random.Random) -> tuple[Tensor, Tensor]:
    if habits.mirrored and chance.random() < 0.5:
        images = images.flip(3)
    if habits.shifted:
        down, right = (chance.randint(-habits.shifted, habits.shifted) for _ in range(2))
        images = images.roll((down, right), (2, 3))
    if habits.mixed:
        share, order = chance.betavariate(0.4, 0.4), torch.randperm(len(images))
        images, aims = share * images + (1 - share) * images[order], share * aims + (1 - share) * aims[order]
    return images, aims


class Prepared(nn.Module):
    """A network that takes pixels from 0 to 1 and prepares them itself, as a service does."""

    def __init__(self, network: nn.Module, habits: Habits) -> None:
        super().__init__()
        self.network = network
        self.mean, self.std = habits.mean, habits.std

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.network((pixels - self.mean) / self.std)
        return logits


def probabilities(network: nn.Module, pixels: Tensor) -> Tensor:
    """Return ``(N, K)`` probabilities."""
    with torch.no_grad():
        return torch.cat([network(part).softmax(1) for part in pixels.split(500)])
