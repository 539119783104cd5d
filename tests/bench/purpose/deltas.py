"""Universal perturbations of many kinds, each a few deltas and which image gets which."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe import Classifier, PerturbationGenerator
from fpframe.models import add_perturbation, to_pixels
from fpframe.rng import isolated
from fpframe_plugins.perturbations.uap import Uap, minibatches

#: What is lost or won for one batch of probabilities ``(N, K)``, by the labels that the clean images have.
Loss = Callable[[Tensor, Tensor], Tensor]


#: Such a kind has each image twice: as it is and perturbed.
BOTH = "natural images and "


@attrs.frozen(kw_only=True)
class Kind:
    """How a perturbation is made.

    Attributes:
        name: as in the table.
        epsilon: bound on every pixel, in steps of 1/255.
        learns: whether it takes models of `fit`, so that it must be made anew for each fold.
    """

    name: str
    epsilon: int
    learns: bool = False

    @property
    def bound(self) -> float:
        """The bound in pixel units."""
        return self.epsilon / 255


def kinds() -> list[Kind]:
    """Return all of them, the two controls first."""
    found = [Kind(name="natural images", epsilon=0)]
    found += [Kind(name=name, epsilon=step) for name in ("random signs", "UAP") for step in (2, 4, 8, 16, 32)]
    found += [Kind(name="UAP by DeepFool", epsilon=16)]
    for name in ("UAP to one class", "UAP without data", "UAP of each class", "five UAPs"):
        found += [Kind(name=name, epsilon=step) for step in (8, 16, 32)]
    found += [Kind(name="UAP against independents", epsilon=step, learns=True) for step in (8, 16, 32)]
    return [*found, *(Kind(name=f"{BOTH}{name}", epsilon=8) for name in ("random signs", "UAP"))]


def perturbed(
    kind: Kind,
    victim: Classifier,
    images: Tensor,
    craft: Tensor,
    *,
    derived: Sequence[Classifier],
    independent: Sequence[Classifier],
    seed: int,
) -> Tensor:
    """Return 8-bit images ``(P, C, H, W)`` with a perturbation of a kind, or twice as many.

    Args:
        kind: how it is made.
        victim: the owner's model.
        images: 8-bit, ``(P, C, H, W)``.
        craft: 8-bit images that it is made on.
        derived: models that it may learn to work on.
        independent: models that it may learn to leave alone.
        seed: decides every draw.
    """
    if not kind.epsilon:
        return images
    if kind.name.startswith(BOTH):
        part = attrs.evolve(kind, name=kind.name.removeprefix(BOTH))
        moved = perturbed(part, victim, images, craft, derived=derived, independent=independent, seed=seed)
        return torch.cat([images, moved])
    pixels = to_pixels(craft)
    labels = victim.labels(to_pixels(images))
    classes = victim.num_classes
    one = torch.zeros(len(images), dtype=torch.long)
    registry = fpframe.Run().registry

    def by(name: str) -> Tensor:
        generator = registry.build(PerturbationGenerator, name, epsilon=kind.bound)
        return generator(victim, pixels, victim.labels(pixels), seed=seed).delta

    if kind.name == "random signs":
        deltas, of = by("random-sign"), one
    elif kind.name == "UAP":
        deltas, of = by("uap"), one
    elif kind.name == "UAP by DeepFool":
        deltas, of = by("uap-deepfool"), one
    elif kind.name == "UAP to one class":
        target = seed % classes
        deltas = ascend([(victim, lambda p, y: -p[:, target].mean())], pixels, kind.bound, steps=1000, seed=seed)
        of = one
    elif kind.name == "UAP without data":
        with isolated(seed):
            noise = torch.rand(2000, *pixels.shape[1:]).pow(torch.rand(2000, 1, 1, 1) * 4)
        deltas, of = ascend([(victim, kept)], noise, kind.bound, steps=1000, seed=seed), one
    elif kind.name == "UAP of each class":
        own = victim.labels(pixels)
        parts = [pixels[own == each] for each in range(classes)]
        deltas = torch.cat(
            [
                ascend([(victim, kept)], part if len(part) else pixels, kind.bound, steps=300, seed=seed)
                for part in parts
            ]
        )
        of = labels
    elif kind.name == "five UAPs":
        deltas = torch.cat(
            [ascend([(victim, kept)], pixels, kind.bound, steps=500, seed=seed * 5 + each) for each in range(5)]
        )
        of = torch.arange(len(images)) % 5
    else:
        ours = [(model, kept) for model in (victim, *derived)]
        theirs = [(model, changed) for model in independent]
        deltas, of = ascend([*ours, *theirs], pixels, kind.bound, steps=300, seed=seed), one
    return torch.stack(
        [add_perturbation(image[None], deltas[which][None])[0] for image, which in zip(images, of, strict=True)]
    )


def kept(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Return the mean probability of the class that the clean image has."""
    return probabilities.gather(1, labels.unsqueeze(1)).mean()


def changed(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Return what `kept` does with the opposite sign."""
    return -kept(probabilities, labels)


def ascend(losses: Sequence[tuple[Classifier, Loss]], x: Tensor, bound: float, *, steps: int, seed: int) -> Tensor:
    """Return delta ``(1, C, H, W)`` that lowers the mean of losses, as `uap` does for one of them.

    Args:
        losses: models, each with what is to be lowered on it.
        x: pixels ``(N, C, H, W)``.
        bound: on every pixel.
        steps: gradient steps.
        seed: decides every draw.
    """
    usual = Uap(epsilon=bound)
    with isolated(seed):
        labels = [model.labels(x) for model, _ in losses]
        delta = torch.empty(1, *x.shape[1:]).uniform_(-bound / 2, bound / 2)
        direction, batches = torch.zeros_like(delta), minibatches(len(x), usual.batch_size)
        for step in range(steps):
            chosen = next(batches)
            moved = delta.clone().requires_grad_(True)
            images = (x[chosen] + moved).clamp(0, 1)
            total = 0 * moved.sum()
            for (model, loss), own in zip(losses, labels, strict=True):
                alike = sum(each is loss for _, each in losses)  # both sides weigh the same, whatever their numbers
                total = total + loss(model(images).softmax(1), own[chosen]) / alike
            (gradient,) = torch.autograd.grad(total, moved)
            gradient = -gradient.nan_to_num(0, 0, 0)
            direction = usual.momentum * direction + gradient / gradient.abs().mean().clamp_min(1e-12)
            size = min(usual.step_size, bound) * (1 + math.cos(math.pi * step / steps)) / 2
            delta = (delta + size * direction.sign()).clamp(-bound, bound)
    return delta
