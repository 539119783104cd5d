"""`targeted-bits`: perturbations that change the victim's label where the bits of a target are 1, and nowhere else.

After "FIT-Print: Towards False-claim-resistant Model Ownership Verification via Targeted Fingerprint" (Shao et al.,
arXiv 2501.15509, 2025), its bit-wise FIT-ModelDiff.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import ClassVar

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

import fpframe
from fpframe import Classifier, Perturbation, PerturbationGenerator, References
from fpframe.parameters import epsilon_pixels, number, whole
from fpframe.rng import generator
from fpframe_plugins._references import held
from fpframe_plugins.perturbations._asked import as_asked

#: Images that are perturbed together: the activations of several models are held at once.
BATCH = 64


def target_bits(seed: int, count: int) -> Tensor:
    """Return the bits ``(N,)`` of 0 and 1 that a seed sets as the target, whatever the victim is."""
    return torch.randint(2, (count,), generator=generator(seed, "target bits"))


@attrs.frozen(kw_only=True)
class TargetedBits(PerturbationGenerator):
    """Set out from random signs, and move until each image has the bit that the seed gives it.

    The bit of an image is 1 where its perturbation changes the label, and 0 where it does not; the encoder
    `distance-bits` reads it. Signed gradient steps lower a hinge loss on the odds of leaving the label of the image, on
    the victim and on some models derived from it. A step leaves alone what has its bit on all of them.

    The seed is that of the enrolment. Where it comes from a commitment, as `fpframe commit` makes it, nobody can choose
    bits that an innocent model happens to have. Of FIT-Print only the abstract and reviews of it on OpenReview were at
    hand: where bits come from, how they are read, start, loss and all defaults were chosen here.

    Attributes:
        epsilon: bound on every element of delta, in pixel units.
        margin: log-odds by which a label is to be left, or kept.
        steps: gradient steps for each image at most.
        step_size: change of a pixel in one step, as a share of epsilon.
        models: how many derived models are learnt from, beside the victim; all, where there are fewer. They are held in
            memory at once.
    """

    name: ClassVar[str] = "targeted-bits"
    scope = "local"
    norm = "linf"
    needs_references = True

    epsilon: float = attrs.field(default=0.1, validator=epsilon_pixels)
    margin: float = attrs.field(default=1.0, validator=number(low=0, open_low=True))
    steps: int = attrs.field(default=60, validator=whole(low=1))
    step_size: float = attrs.field(default=0.1, validator=number(low=0, open_low=True))
    models: int = attrs.field(default=8, validator=whole(low=1))

    def generate(
        self, model: Classifier, x: Tensor, labels: Tensor, *, references: References | None, seed: int
    ) -> Perturbation:
        """Return deltas ``(N, C, H, W)``; `labels` are not used, for it is the models' own answers that bits are of.

        Raises:
            DataError: there is no derived model to learn from.
        """
        bits = target_bits(seed, len(x))
        starts = self.epsilon * (2.0 * torch.randint(2, x.shape, generator=generator(seed, "signs")) - 1)
        derived = (references or References()).derived
        with ExitStack() as stack:
            models = held(derived, self.models, relation="derived", name=self.name, stack=stack, seed=seed)
            move = partial(self.move, model, models)
            made = [move(*batch) for batch in zip(*(each.split(BATCH) for each in (x, bits, starts)), strict=True)]
        deltas, reached = (torch.cat(parts) for parts in zip(*made, strict=True))
        return Perturbation(delta=deltas, converged=reached, steps=self.steps)

    def move(
        self, victim: Classifier, derived: Sequence[Classifier], x: Tensor, bits: Tensor, start: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return deltas ``(N, C, H, W)`` as 8-bit images have them, and where the victim has its bit ``(N,)``.

        Args:
            victim: in evaluation mode with frozen weights, like all others.
            derived: models made from it.
            x: pixels ``(N, C, H, W)`` in [0, 1].
            bits: ``(N,)`` of 0 and 1.
            start: deltas to begin with.
        """
        signs = (2.0 * bits - 1).to(victim.device)
        x, delta = x.to(victim.device), start.to(victim.device)
        models = [victim, *derived]
        with torch.no_grad():
            own = [_logits(model, x).argmax(1) for model in models]
        for _ in range(self.steps):
            delta = (x + delta.clamp(-self.epsilon, self.epsilon)).clamp(0, 1) - x
            moved = (x + delta).requires_grad_()
            with torch.enable_grad():
                odds = torch.stack([_odds(model, moved, label) for model, label in zip(models, own, strict=True)])
                (gradient,) = torch.autograd.grad(F.relu(self.margin - signs * odds).sum(), moved)
            delta = delta - self.step_size * self.epsilon * gradient.nan_to_num(0, 0, 0).sign()
        delta = as_asked(x, (x + delta.clamp(-self.epsilon, self.epsilon)).clamp(0, 1) - x)
        with torch.no_grad():
            changed = victim(x + delta).argmax(1) != own[0]
        return delta.cpu(), (changed == (signs > 0)).cpu()


def _logits(model: Classifier, x: Tensor) -> Tensor:
    """Return logits ``(N, K)`` on the device of `x`, whichever that of the model is."""
    logits: Tensor = model(x.to(model.device))
    return logits.to(x.device)


def _odds(model: Classifier, x: Tensor, labels: Tensor) -> Tensor:
    """Return the log-odds ``(N,)`` of leaving labels ``(N,)``."""
    # the zero ties x into the graph of a model that ignores its input
    logits = _logits(model, x) + 0 * x.flatten(1).sum(1, keepdim=True)
    own = labels.unsqueeze(1)
    return logits.scatter(1, own, -torch.inf).logsumexp(1) - logits.gather(1, own).squeeze(1)


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `targeted-bits`."""
    return [TargetedBits]
