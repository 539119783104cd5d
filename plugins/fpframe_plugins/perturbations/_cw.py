"""The L2 attack of Carlini and Wagner, for a whole batch at once.

From "Towards evaluating the robustness of neural networks" (Carlini and Wagner, IEEE S&P 2017). The core of `cw`; it is
not a component by itself.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

#: Above any constant that the search tries.
_NONE = 1e10


def cw_l2(
    model: nn.Module,
    x: Tensor,
    *,
    labels: Tensor,
    confidence: float = 0.0,
    learning_rate: float = 0.01,
    initial_constant: float = 0.001,
    searches: int = 9,
    steps: int = 1000,
    abort_early: bool = True,
) -> tuple[Tensor, Tensor, int]:
    """Return for each image the shortest delta found under which its label changes.

    Args:
        model: maps pixels to logits ``(N, K)``; in evaluation mode with frozen weights.
        x: pixels ``(N, C, H, W)`` in [0, 1] on the model's device.
        labels: the labels ``(N,)`` to leave.
        confidence: how far another logit must exceed that of the label.
        learning_rate: step size of Adam.
        initial_constant: weight of the logits against the squared length, in the first search.
        searches: binary search steps for that constant.
        steps: gradient steps in each search at most.
        abort_early: whether an image leaves a search when twice a tenth of the steps has not lowered its loss.

    Returns:
        delta ``(N, C, H, W)`` in pixel units, with ``x + delta`` in [0, 1], zeros where none was found; whether the
        label changed, bool ``(N,)``; and the number of gradient steps that it took, over all searches.
    """
    best, shortest = torch.zeros_like(x), torch.full_like(x[:, 0, 0, 0], torch.inf)
    constant = torch.full_like(shortest, initial_constant)
    low, high = torch.zeros_like(constant), torch.full_like(constant, _NONE)
    taken = 0
    for _ in range(searches):
        found = torch.zeros_like(labels, dtype=torch.bool)
        search = _Search(model, x, labels, constant, (best, shortest, found), confidence, learning_rate)
        taken += search.run(steps, abort_early)
        high = torch.where(found, torch.minimum(high, constant), high)
        low = torch.where(found, low, torch.maximum(low, constant))
        constant = torch.where(high < _NONE, (low + high) / 2, constant * 10)
    with torch.no_grad():
        changed = model(x + best).argmax(1) != labels
    return best, changed, taken


class _Search:
    """Adam on the images of a batch under one constant each.

    Only images that still get better are computed. `results` are written to: the best deltas ``(N, C, H, W)`` and their
    lengths ``(N,)`` of all searches so far, and whose label this search has changed ``(N,)``.
    """

    def __init__(
        self,
        model: nn.Module,
        x: Tensor,
        labels: Tensor,
        constant: Tensor,
        results: tuple[Tensor, Tensor, Tensor],
        confidence: float,
        learning_rate: float,
    ) -> None:
        self.model, self.confidence, self.learning_rate = model, confidence, learning_rate
        self.results = results
        # of the images that are still computed: which these are, what was found, and their state. The variable is
        # w = atanh(2x - 1), in which every point is inside the pixel range; the factor keeps black and white finite
        self.rows = torch.arange(len(x), device=x.device)
        self.best, self.shortest, self.found = results
        self.x, self.labels, self.constant = x, labels.unsqueeze(1), constant.unsqueeze(1)
        self.w = ((2 * x - 1) * (1 - 1e-6)).atanh()
        self.mean, self.square = torch.zeros_like(x), torch.zeros_like(x)

    def run(self, steps: int, abort_early: bool) -> int:
        """Take at most so many steps, and return how many were taken."""
        before = torch.full_like(self.shortest, torch.inf)
        patient = torch.ones_like(self.found)
        every = max(steps // 10, 1)
        for step in range(steps):
            tanh = self.w.tanh()
            moved = tanh.add(1).div_(2)
            gradient, hinge, left = self._logits(moved)
            delta = moved - self.x
            squares = delta.flatten(1).square().sum(1)
            self._keep(delta, squares.sqrt(), left)
            if abort_early and step % every == 0:
                loss = squares + hinge
                better = ~(loss > 0.9999 * before)
                # Adam swings: one look that finds an image no better may come at the wrong moment
                going = better | patient
                before, patient = loss, better
                if not bool(going.all()):
                    self._write()
                    if not bool(going.any()):
                        return step
                    before, patient, gradient, delta, tanh = (
                        t[going] for t in (before, patient, gradient, delta, tanh)
                    )
                    self._only(going)
            # the gradient of the squared length, and the chain rule through tanh: (1 - tanh^2) / 2
            gradient.add_(delta, alpha=2).mul_(tanh.square_().neg_().add_(1)).div_(2)
            self._adam(gradient, step + 1)
        self._write()
        return steps

    def _logits(self, moved: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the weighted hinge loss ``(N,)``, its gradient in pixels, and whether the labels are left ``(N,)``."""
        with torch.enable_grad():
            moved = moved.detach().requires_grad_()
            # the zero ties the image into the graph of a model that ignores it
            logits: Tensor = self.model(moved) + 0 * moved.flatten(1).sum(1, keepdim=True)
            others = logits.scatter(1, self.labels, -torch.inf).amax(1, keepdim=True)
            gap = logits.gather(1, self.labels) - others
            hinge = self.constant * (gap + self.confidence).clamp_min(0)
            (gradient,) = torch.autograd.grad(hinge.sum(), moved)
        return gradient.nan_to_num(0, 0, 0), hinge.detach().squeeze(1), (gap.detach() < -self.confidence).squeeze(1)

    def _keep(self, delta: Tensor, length: Tensor, left: Tensor) -> None:
        better = left & (length < self.shortest)
        self.shortest = torch.where(better, length, self.shortest)
        self.best = torch.where(better.reshape(-1, 1, 1, 1), delta, self.best)
        self.found = self.found | left

    def _write(self) -> None:
        for result, value in zip(self.results, (self.best, self.shortest, self.found), strict=True):
            result[self.rows] = value

    def _only(self, going: Tensor) -> None:
        for name in ("rows", "x", "labels", "constant", "w", "mean", "square", "best", "shortest", "found"):
            setattr(self, name, getattr(self, name)[going])

    def _adam(self, gradient: Tensor, step: int) -> None:
        self.mean.lerp_(gradient, 0.1)
        self.square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        scale = self.square.sqrt().div_(math.sqrt(1 - 0.999**step)).add_(1e-8)
        self.w.addcdiv_(self.mean, scale, value=-self.learning_rate / (1 - 0.9**step))
