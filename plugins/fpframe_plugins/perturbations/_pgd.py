"""Projected gradient ascent in a norm ball, for a whole batch at once.

From "Towards deep learning models resistant to adversarial attacks" (Madry et al., ICLR 2018). The core of `pgd` and
`pgd-l2`, which differ in the ball.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from fpframe_plugins.perturbations._escaping import escape_gradient


def ascend(
    model: nn.Module,
    x: Tensor,
    *,
    labels: Tensor,
    start: Callable[[Tensor], Tensor],
    step: Callable[[Tensor], Tensor],
    project: Callable[[Tensor], Tensor],
    steps: int,
) -> tuple[Tensor, Tensor, int]:
    """Move each image in a ball to where its label is least likely.

    An image does not stop where its label changes, for the middle of another class is a safer place than its edge. An
    image that a step leaves where it is would stay for ever, and leaves the batch.

    Args:
        model: maps pixels to logits ``(N, K)``; in evaluation mode with frozen weights.
        x: pixels ``(N, C, H, W)`` in [0, 1] on the model's device.
        labels: the labels ``(N,)`` to leave.
        start: from the images to the deltas to begin with.
        step: from gradients to what is added.
        project: from deltas to deltas in the ball.
        steps: steps at most.

    Returns:
        delta ``(N, C, H, W)`` in pixel units, with ``x + delta`` in [0, 1]: the last one under which the label was
        left, or the last one; whether it was left, bool ``(N,)``; and the number of steps that it took.
    """
    delta = _into_box(x, project(start(x)))
    best, left = delta.clone(), torch.zeros(len(x), dtype=torch.bool, device=x.device)
    active = torch.arange(len(x), device=x.device)
    taken = 0
    while taken < steps and len(active):
        taken += 1
        gradient, changed = escape_gradient(model, x[active] + delta[active], labels[active])
        best[active[changed]], left[active[changed]] = delta[active[changed]], True
        moved = _into_box(x[active], project(delta[active] + step(gradient)))
        going = (moved != delta[active]).flatten(1).any(1)
        delta[active] = moved
        active = active[going]
    with torch.no_grad():
        changed = model(x + delta).argmax(1) != labels
    best = torch.where((changed | ~left).reshape(-1, 1, 1, 1), delta, best)
    return best, left | changed, taken


def _into_box(x: Tensor, delta: Tensor) -> Tensor:
    """Return `delta` with ``x + delta`` in [0, 1]; no element grows, so that no norm does."""
    return (x + delta).clamp(0, 1) - x
