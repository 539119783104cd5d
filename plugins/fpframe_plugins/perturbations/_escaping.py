"""What perturbations of single images share: batches, and the direction in which a label is left.

Not a plugin: the local generators use it.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from fpframe import Classifier, Perturbation

BATCH = 256


class Attack(Protocol):
    """Perturb pixels ``(N, C, H, W)`` to leave their labels ``(N,)``; return delta, success ``(N,)`` and steps."""

    def __call__(self, model: nn.Module, x: Tensor, *, labels: Tensor) -> tuple[Tensor, Tensor, int]: ...


def perturb_predictions(model: Classifier, x: Tensor, attack: Attack, *, batch: int = BATCH) -> Perturbation:
    """Run `attack` on the model's device against the labels that the model itself predicts for `x` ``(N, C, H, W)``."""
    predicted = model.logits(x).argmax(1)
    made = [
        attack(model, pixels.to(model.device), labels=labels.to(model.device))
        for pixels, labels in zip(x.split(batch), predicted.split(batch), strict=True)
    ]
    deltas, changed, steps = zip(*made, strict=True)
    return Perturbation(delta=torch.cat(deltas).cpu(), converged=torch.cat(changed).cpu(), steps=max(steps))


def escape_gradient(model: nn.Module, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradient ``(N, C, H, W)`` of the log-odds of leaving `labels`, and whether they are left ``(N,)``.

    For each image it has the direction of the gradient of the cross-entropy, which is the same times the probability of
    leaving, and so vanishes where a model is sure. Only for methods that normalise each image's gradient.
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        # the zero ties x into the graph of a model that ignores its input
        logits: Tensor = model(x) + 0 * x.flatten(1).sum(1, keepdim=True)
        own = labels.unsqueeze(1)
        odds = logits.scatter(1, own, -torch.inf).logsumexp(1) - logits.gather(1, own).squeeze(1)
        (gradient,) = torch.autograd.grad(odds.sum(), x)
    return gradient.nan_to_num(0, 0, 0), logits.argmax(1) != labels


def lengths(delta: Tensor) -> Tensor:
    """Return the L2 norm of each image, ``(N, 1, 1, 1)``."""
    norms: Tensor = torch.linalg.vector_norm(delta, dim=(1, 2, 3), keepdim=True)
    return norms


def of_length(delta: Tensor, length: Tensor | float) -> Tensor:
    """Return `delta` ``(N, C, H, W)``, each image scaled to an L2 norm of `length`; zeros stay zeros."""
    # largest element first: the squares of small gradients are zero in float32
    delta = delta / delta.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-30)
    return delta * (length / lengths(delta).clamp_min(1e-12))
