"""A stolen model and one of the thief's own that answer together.

Not a plugin: `mix` and `gate` use it.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

import fpframe
from fpframe import AttackContext, Classifier, Images, Query
from fpframe.rng import derive_seed


class Pair(nn.Module):
    """Two classifiers, each with a normalisation of its own.

    Args:
        stolen: the copy of the victim.
        own: the thief's own model.
    """

    def __init__(self, stolen: Classifier, own: Classifier) -> None:
        super().__init__()
        self.stolen = stolen
        self.own = own


class Mixture(Pair):
    """Answer with a mean of both models' probabilities, in which the thief's own weighs `share`."""

    def __init__(self, stolen: Classifier, own: Classifier, *, share: float) -> None:
        super().__init__(stolen, own)
        self.share = share

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logarithms ``(N, K)`` of the mixed probabilities."""
        return torch.logaddexp(
            self.stolen(pixels).log_softmax(1) + math.log(1 - self.share),
            self.own(pixels).log_softmax(1) + math.log(self.share),
        )


class Gate(Pair):
    """Let the thief's own model answer where the stolen one's two likeliest classes are less than `margin` apart."""

    def __init__(self, stolen: Classifier, own: Classifier, *, margin: float) -> None:
        super().__init__(stolen, own)
        self.margin = margin

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits ``(N, K)`` of one model or the other, image by image."""
        stolen = self.stolen(pixels)
        first, second = stolen.softmax(1).topk(2).values.unbind(1)
        return torch.where((first - second < self.margin)[:, None], self.own(pixels), stolen)


class Paired(fpframe.AttackSimulator):
    """Put a model of one's own beside a stolen one, trained on the thief's images with their true labels."""

    access: ClassVar[Literal["weights", "probs", "labels"]] = "weights"
    companion: ClassVar[bool] = True

    def pair(self, stolen: Classifier, own: Classifier) -> Pair:
        """Return what both are together."""
        raise NotImplementedError

    def join(self, student: Classifier, companion: Classifier) -> Classifier:
        """Return the pair as one classifier."""
        pair = self.pair(student, companion)
        return Classifier(pair, num_classes=student.num_classes, image_shape=student.image_shape).eval()

    def simulate(
        self, student: Classifier, teacher: Query | None, data: Images, *, context: AttackContext, seed: int
    ) -> Classifier:
        """Return the untouched copy beside a model that was trained as the recipe says."""
        if context.companion is None:
            raise fpframe.ModelError(
                f"'{self.name}' needs a network for the thief's own model; give AttackContext a companion"
            )
        seed = derive_seed(seed, "own")
        own = fpframe.train(context.companion, data.stream, data.labels, context.training, seed=seed)
        return self.join(student, own)
