"""Gradient descent on what two groups of models answer, for a whole batch at once.

From "Deep neural network fingerprinting by conferrable adversarial examples" (Lukas, Zhang and Kerschbaum, ICLR 2021).
The core of `conferrable`; it is not a component by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import attrs
import torch
from torch import Tensor, nn

from fpframe import Classifier
from fpframe_plugins.perturbations._asked import as_asked

#: Log-probability below which it does not matter how unlikely a label is on an independent model: it is unlikely to be
#: its answer. Much lower, and models that need not be fooled less hold an image where it is.
_UNLIKELY = math.log(0.2)


@attrs.frozen(kw_only=True)
class Ensemble:
    """Models that a label should, and should not, transfer to.

    Attributes:
        derived: where the label is wanted; evaluating, with frozen weights.
        independent: where it is not.
        dropout: share of the models that is left out of an answer at random, never all of a kind.
    """

    derived: Sequence[Classifier]
    independent: Sequence[Classifier]
    dropout: float

    def answers(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-probabilities ``(M, N, K)`` of the derived and of the independent models that are not left out."""
        derived, independent = (
            torch.stack([_log_probabilities(model, x) for model in self._kept(models)])
            for models in (self.derived, self.independent)
        )
        return derived, independent

    @torch.no_grad()
    def conferrability(self, x: Tensor, labels: Tensor) -> Tensor:
        """Return the share of derived models that give `labels` ``(N,)``, times that of independent ones that do not.

        Of all of them; ``(N,)``.
        """
        wanted, unwanted = (
            torch.stack([_log_probabilities(model, x).argmax(1) == labels for model in models]).float().mean(0)
            for models in (self.derived, self.independent)
        )
        conferrability: Tensor = wanted * (1 - unwanted)
        return conferrability

    def _kept(self, models: Sequence[Classifier]) -> list[Classifier]:
        # drawn on the CPU, where the caller has seeded
        chances = torch.rand(len(models))
        limit = min(self.dropout, float(chances.max()))
        return [model for model, chance in zip(models, chances.tolist(), strict=True) if chance >= limit]


def confer(
    model: nn.Module,
    x: Tensor,
    *,
    labels: Tensor,
    ensemble: Ensemble,
    loss: str,
    epsilon: float,
    steps: int,
    learning_rate: float,
    conferrability: float,
) -> tuple[Tensor, Tensor, int]:
    """Give images a new label that transfers to derived and not to independent models.

    Args:
        model: the victim; maps pixels to logits ``(N, K)``; in evaluation mode with frozen weights.
        x: pixels ``(N, C, H, W)`` in [0, 1] on the model's device.
        labels: the labels ``(N,)`` that the victim gives.
        ensemble: the models that are learnt from.
        loss: ``odds`` or ``paper``.
        epsilon: bound on every element of delta.
        steps: gradient steps.
        learning_rate: step size of Adam, in pixel units.
        conferrability: from which product of shares on an image is a success.

    Returns:
        delta ``(N, C, H, W)`` in pixel units on the 8-bit grid, with ``x + delta`` in [0, 1]; whether it is a success,
        bool ``(N,)``; and the number of steps that it took.
    """
    of_images = odds_loss(model, labels, ensemble) if loss == "odds" else paper_loss(model, x, ensemble)
    delta = as_asked(x, _descend(of_images, x, epsilon=epsilon, steps=steps, learning_rate=learning_rate))
    with torch.no_grad():
        given = model(x + delta).argmax(1)
    return delta, (given != labels) & (ensemble.conferrability(x + delta, given) >= conferrability), steps


def odds_loss(model: nn.Module, labels: Tensor, ensemble: Ensemble) -> Callable[[Tensor], Tensor]:
    """Return the loss ``(N,)`` of images: minus the log-odds of the new label that tells both groups best apart.

    They are the mean log-probability of a label on the victim and the derived models, less that on independent ones.
    """

    def loss(moved: Tensor) -> Tensor:
        derived, independent = ensemble.answers(moved)
        wanted = torch.cat([derived, _log_probabilities(model, moved).unsqueeze(0)]).mean(0)
        odds = wanted - independent.clamp_min(_UNLIKELY).mean(0)
        return -odds.scatter(1, labels.unsqueeze(1), -torch.inf).amax(1)

    return loss


def paper_loss(model: nn.Module, x: Tensor, ensemble: Ensemble) -> Callable[[Tensor], Tensor]:
    """Return the loss ``(N,)`` of images, the sum of three with equal weights.

    The ensemble's scores are the softmax of each class's mean probability on derived models times what is left to one
    of that on independent models. The three are how unsure these scores are, how like they are to those of the image
    before, and how far the victim's answer is from them.
    """

    def log_scores(pixels: Tensor) -> Tensor:
        derived, independent = (answers.exp().mean(0) for answers in ensemble.answers(pixels))
        return (derived * (1 - independent)).log_softmax(1)

    with torch.no_grad():
        before = log_scores(x).exp()

    def loss(moved: Tensor) -> Tensor:
        scores, answer = log_scores(moved), _log_probabilities(model, moved).exp()
        return -scores.amax(1) + (before * scores).sum(1) - (answer * scores).sum(1)

    return loss


def _descend(
    loss: Callable[[Tensor], Tensor], x: Tensor, *, epsilon: float, steps: int, learning_rate: float
) -> Tensor:
    """Return the delta ``(N, C, H, W)`` in the ball to which Adam gets from zero."""
    delta = torch.zeros_like(x, requires_grad=True)
    adam = torch.optim.Adam([delta], lr=learning_rate)
    for _ in range(steps):
        with torch.enable_grad():
            moved = x + delta
            # the zero ties delta into the graph of models that ignore their input
            total = loss(moved).sum() + 0 * moved.sum()
            (gradient,) = torch.autograd.grad(total, delta)
        delta.grad = gradient.nan_to_num(0, 0, 0)
        adam.step()
        with torch.no_grad():
            delta.copy_((x + delta.clamp(-epsilon, epsilon)).clamp(0, 1) - x)
    return delta.detach()


def _log_probabilities(model: nn.Module, x: Tensor) -> Tensor:
    """Return log-probabilities ``(N, K)`` on the device of `x`, whichever that of the model is."""
    logits: Tensor = model(x.to(model.device) if isinstance(model, Classifier) else x)
    return logits.log_softmax(1).to(x.device)
