"""The DeepFool steps of minimum-L2 perturbations, for a whole batch at once.

From "DeepFool: a simple and accurate method to fool deep neural networks" (Moosavi-Dezfooli et al., CVPR 2016),
algorithm 2. The core of `deepfool` and `uap-deepfool`; it is not a component by itself.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def deepfool_l2(
    model: nn.Module, x: Tensor, *, labels: Tensor, steps: int = 50, overshoot: float = 0.02, classes: int = 10
) -> tuple[Tensor, Tensor, int]:
    """Push each image over the nearest decision boundary of the linearised model, until its label changes.

    Images that have changed their label leave the batch, so that late steps cost little.

    Args:
        model: maps pixels to logits ``(N, K)``; in evaluation mode with frozen weights.
        x: pixels ``(N, C, H, W)`` in [0, 1] on the model's device.
        labels: the labels ``(N,)`` to leave.
        steps: linearisations at most.
        overshoot: share by which each step goes past the boundary that it sees.
        classes: how many of the likeliest classes are looked at; each costs one gradient a step.

    Returns:
        delta ``(N, C, H, W)`` in pixel units, with ``x + delta`` in [0, 1]; whether each label changed, bool
        ``(N,)``, where delta is the last one tried if it did not; and the number of linearisations that it took.
    """
    rivals, changed = _survey(model, x, labels, classes)
    delta = torch.zeros_like(x)
    active = torch.nonzero(~changed).squeeze(1)
    taken = 0
    while taken < steps and len(active):
        taken += 1
        moved = x[active] + delta[active]
        step = _nearest_boundary(model, moved, labels[active], rivals[active])
        delta[active] = (moved + (1 + overshoot) * step).clamp(0, 1) - x[active]
        # a pass of its own for the labels pays: gradients are then taken of the images that stay, one for each class
        left = _changed(model, x[active] + delta[active], labels[active])
        changed[active] = left
        active = active[~left]
    return delta, changed, taken


@torch.no_grad()
def _survey(model: nn.Module, x: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Return the classes ``(N, J)`` with the highest logits besides `labels`, and where `labels` are wrong ``(N,)``."""
    logits: Tensor = model(x)
    others = logits.scatter(1, labels.unsqueeze(1), -torch.inf)
    return others.topk(min(classes, logits.shape[1]) - 1).indices, logits.argmax(1) != labels


@torch.no_grad()
def _changed(model: nn.Module, x: Tensor, labels: Tensor) -> Tensor:
    changed: Tensor = model(x).argmax(1) != labels
    return changed


def _nearest_boundary(model: nn.Module, x: Tensor, labels: Tensor, rivals: Tensor) -> Tensor:
    """Return the shortest way ``(N, C, H, W)`` to a boundary of the model's linearisation at `x`."""
    x = x.detach().requires_grad_()
    # the zero ties x into the graph of a model that ignores its input
    logits = model(x) + 0 * x.flatten(1).sum(1, keepdim=True)
    gaps = logits.gather(1, rivals) - logits.gather(1, labels.unsqueeze(1))
    normals = torch.stack([torch.autograd.grad(gap.sum(), x, retain_graph=True)[0] for gap in gaps.unbind(1)], dim=1)
    lengths = normals.flatten(2).norm(dim=2).clamp_min(1e-6)
    # without the constant, which the authors' code has too, steps shrink to nothing just before a boundary
    distances = gaps.detach().abs() / lengths + 1e-4
    nearest = distances.argmin(1, keepdim=True)
    scale = (distances / lengths).gather(1, nearest)
    rows = torch.arange(len(x), device=x.device)
    way: Tensor = normals[rows, nearest.squeeze(1)] * scale.reshape(-1, 1, 1, 1)
    return way
