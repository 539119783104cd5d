"""`boundary`: each image moved to the victim's decision boundary, a margin behind it.

From "IPGuard: protecting intellectual property of deep neural networks via fingerprinting the classification boundary"
(Cao, Jia and Gong, AsiaCCS 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import attrs
import torch
from torch import Tensor, nn

import fpframe
from fpframe import Classifier, Perturbation, PerturbationGenerator, References
from fpframe.parameters import number, one_of, whole
from fpframe_plugins.perturbations._asked import as_asked
from fpframe_plugins.perturbations._escaping import perturb_predictions


@attrs.frozen(kw_only=True)
class Boundary(PerturbationGenerator):
    """Seek the first 8-bit image that is answered with another label, where the old label comes second.

    With i the label that the victim gives, j the class to go to and Z the logits, Adam lowers
    ``ReLU(Z_i - Z_j + margin) + ReLU(max_{t != i, j} Z_t - Z_i)`` until it is zero; the L2 norm has no bound. The loss
    is that of the image as it is asked, with delta truncated to 8 bits, and its gradient is taken to be that of the
    image before. Truncation so leaves no image on the wrong side: an image has converged when its query is answered j,
    i comes second, and j leads by the margin, or by what one step of Adam adds to it.

    Attributes:
        margin: by how much the logit of j exceeds that of i, the paper's k. A larger one outlasts more changes of a
            stolen copy, and is shared by more independent models. In units of the victim's logits.
        toward: the class j: ``least-likely`` or ``random``, as in the paper, or ``second``, the class next in line,
            whose boundary is near.
        steps: gradient steps for each image at most.
        learning_rate: step size of Adam, in pixel units.
    """

    name: ClassVar[str] = "boundary"
    scope = "local"
    norm = "l2"

    margin: float = attrs.field(default=0.5, validator=number(low=0))
    toward: str = attrs.field(default="least-likely", validator=one_of("least-likely", "random", "second"))
    steps: int = attrs.field(default=1000, validator=whole(low=1))
    learning_rate: float = attrs.field(default=0.001, validator=number(low=0, open_low=True))

    @property
    def deterministic(self) -> bool:
        """Only classes to go to are drawn by chance."""
        return self.toward != "random"

    def generate(
        self, model: Classifier, x: Tensor, labels: Tensor, *, references: References | None, seed: int
    ) -> Perturbation:
        """Return deltas ``(N, C, H, W)``; `labels` are not used, for it is the model's own answers that must change."""
        attack = partial(
            approach, margin=self.margin, toward=self.toward, steps=self.steps, learning_rate=self.learning_rate
        )
        return perturb_predictions(model, x, attack)


def approach(
    model: nn.Module, x: Tensor, *, labels: Tensor, margin: float, toward: str, steps: int, learning_rate: float
) -> tuple[Tensor, Tensor, int]:
    """Move images from the middle of their class to the boundary with another one.

    An image leaves the batch when it has arrived, and when the model is flat around it.

    Args:
        model: maps pixels to logits ``(N, K)``; in evaluation mode with frozen weights.
        x: pixels ``(N, C, H, W)`` in [0, 1] on the model's device.
        labels: the labels ``(N,)`` that the model gives.
        margin: what the logit of the new label must exceed that of the old one by.
        toward: which class is the new label.
        steps: gradient steps at most.
        learning_rate: step size of Adam, in pixel units.

    Returns:
        delta ``(N, C, H, W)`` in pixel units on the 8-bit grid, with ``x + delta`` in [0, 1]; whether each image has
        arrived, bool ``(N,)``; and the number of steps that it took.
    """
    rivals = _rivals(model, x, labels, toward)
    asked, arrived = torch.zeros_like(x), torch.zeros(len(x), dtype=torch.bool, device=x.device)
    rows = torch.arange(len(x), device=x.device)
    delta, mean, square = (torch.zeros_like(x) for _ in range(3))
    for step in range(steps + 1):
        asked[rows] = as_asked(x[rows], delta)
        loss, gradient = _loss(model, x[rows] + asked[rows], labels[rows], rivals[rows], margin)
        arrived[rows] = loss == 0
        going = (loss != 0) & gradient.flatten(1).any(1)
        rows = rows[going]
        if step == steps or len(rows) == 0:
            break
        delta, mean, square, gradient = (t[going] for t in (delta, mean, square, gradient))
        mean = mean.lerp(gradient, 0.1)
        square = square.lerp(gradient.square(), 0.001)
        rate = learning_rate / (1 - 0.9 ** (step + 1))
        delta = delta - rate * mean / ((square / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8)
        delta = (x[rows] + delta).clamp(0, 1) - x[rows]
    return asked, arrived, step


def _rivals(model: nn.Module, x: Tensor, labels: Tensor, toward: str) -> Tensor:
    """Return the class ``(N,)`` that each image goes to, never its own."""
    with torch.no_grad():
        logits: Tensor = model(x)
    own = labels.unsqueeze(1)
    if toward == "second":
        return logits.scatter(1, own, -torch.inf).argmax(1)
    if toward == "least-likely":
        return logits.scatter(1, own, torch.inf).argmin(1)
    # drawn on the CPU, where the caller has seeded
    further = torch.randint(1, logits.shape[1], (len(x),)).to(x.device)
    return (labels + further) % logits.shape[1]


def _loss(model: nn.Module, x: Tensor, labels: Tensor, rivals: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """Return the loss ``(N,)`` of images, and its gradient ``(N, C, H, W)``."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        # the zero ties x into the graph of a model that ignores its input
        logits: Tensor = model(x) + 0 * x.flatten(1).sum(1, keepdim=True)
        first, second = rivals.unsqueeze(1), labels.unsqueeze(1)
        others = logits.scatter(1, first, -torch.inf).scatter(1, second, -torch.inf).amax(1)
        ahead, behind = logits.gather(1, first).squeeze(1), logits.gather(1, second).squeeze(1)
        # of equal logits the lower class is the answer, so that a margin of zero does not suffice
        least = max(margin, 1e-4)
        loss = (behind - ahead + least).clamp_min(0) + (others - behind).clamp_min(0)
        (gradient,) = torch.autograd.grad(loss.sum(), x)
    return loss.detach(), gradient.nan_to_num(0, 0, 0)


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `boundary`."""
    return [Boundary]
