"""`Sight`: what the checks of a victim look at; each thing is asked once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

from fpframe.enrolment.fitness import VictimLook
from fpframe.enrolment.method import Method
from fpframe.models import Classifier, Images, ImageView, evaluating, gathered
from fpframe.zoo import Setting, ZooModel

#: Images of the pool, and of the victim's share, that are looked at: they tell as much as all of them would.
MOST_IMAGES = 4000
#: Images at which gradients are tried.
TRIED_IMAGES = 64
#: Images whose activations are held at once.
_AT_ONCE = 8
#: Larger images are shrunk to so many pixels a side for their class means.
_SIDE = 16
#: Images that are shrunk at once.
_TOGETHER = 256
#: Images that are compared with the class means at once.
_COMPARED = 4096


@attrs.frozen(kw_only=True, eq=False, slots=False)
class Sight:
    """What the checks of a victim look at.

    Attributes:
        setting: recipe, data and victim.
        method: the scheme's components.
        plan: the models that are to be made.
    """

    setting: Setting
    method: Method
    plan: Sequence[ZooModel]

    @property
    def victim(self) -> Classifier:
        """The victim."""
        return self.setting.victim.classifier

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.setting.workspace.dataset.classes

    @property
    def truth(self) -> Tensor:
        """The labels ``(N,)`` of the test images."""
        return self.setting.workspace.dataset.test.labels

    @cached_property
    def answers(self) -> Tensor:
        """The victim's outputs ``(N, K)`` for the test images."""
        return self.victim.logits(self.setting.workspace.dataset.test.stream)

    @cached_property
    def given(self) -> Tensor:
        """The labels ``(N,)`` that it gives them."""
        return self.answers.argmax(1)

    @property
    def right(self) -> int:
        """How many of them are right."""
        return int((self.given == self.truth).sum())

    @property
    def counted(self) -> str:
        """The same in words."""
        return f"{self.right} of {len(self.truth)} test images"

    @cached_property
    def pool(self) -> Images:
        """Images of the pool; it lies in random order."""
        return self.setting.workspace.parts.pool[:MOST_IMAGES]

    @cached_property
    def pool_answers(self) -> Tensor:
        """The victim's outputs ``(P, K)`` for these."""
        return self.victim.logits(self.pool.stream)

    @property
    def pool_right(self) -> int:
        """How many of these it gets right."""
        return int((self.pool_answers.argmax(1) == self.pool.labels).sum())

    @cached_property
    def class_means(self) -> Tensor:
        """The labels ``(N,)`` that the nearest mean image of a class gives the test images."""
        test, known = self.setting.workspace.dataset.test, self.setting.workspace.parts.victim
        drawn = torch.linspace(0, len(known) - 1, min(len(known), MOST_IMAGES)).round().long()
        images, labels = _shrunk(known.view.part(drawn)), known.labels[drawn]
        present = labels.unique()
        means = torch.stack([images[labels == label].mean(0) for label in present])
        starts = range(0, len(test), _COMPARED)
        parts = (_shrunk(test.view.part(slice(start, start + _COMPARED))) for start in starts)
        nearest = gathered(len(test), (torch.cdist(part, means).argmin(1) for part in parts))
        labels_of_nearest: Tensor = present[nearest]
        return labels_of_nearest

    @cached_property
    def gradients(self) -> float:
        """Share of some images at which the victim has a gradient that is finite and not zero."""
        return gradient_share(self.victim, self.pool.stream[:TRIED_IMAGES])

    def look(self, guessing: float) -> VictimLook:
        """Return what was seen, as numbers."""
        return VictimLook(
            images=len(self.truth),
            accuracy=round(self.right / len(self.truth), 6),
            guessing=round(guessing, 6),
            class_means=round(float((self.class_means == self.truth).double().mean()), 6),
            pool_images=len(self.pool),
            pool_accuracy=round(self.pool_right / len(self.pool), 6),
            gradients=round(self.gradients, 6),
        )


def gradient_share(victim: Classifier, pixels: Tensor) -> float:
    """Return the share of images ``(N, C, H, W)`` at which a victim has a gradient that is finite and not zero.

    It is that of the log-odds of leaving the label, since the gradient of a probability vanishes where a model is sure.
    """
    with evaluating(victim), torch.enable_grad():
        try:
            slopes = torch.cat([_slopes(victim, few) for few in pixels.split(_AT_ONCE)])
        except Exception:  # computed without autograd, or by a library that takes no tensor with a history
            return 0.0
    return float((slopes.isfinite().all(1) & slopes.any(1)).double().mean())


def _slopes(victim: Classifier, pixels: Tensor) -> Tensor:
    """Return the gradients ``(N, D)`` by the pixels of the log-odds of leaving the label."""
    images = pixels.to(victim.device).clone().requires_grad_()
    outputs: Tensor = victim(images)
    own = outputs.detach().argmax(1, keepdim=True)
    odds = outputs.scatter(1, own, -torch.inf).logsumexp(1) - outputs.gather(1, own).squeeze(1)
    (gradient,) = torch.autograd.grad(odds.sum(), images)
    return gradient.flatten(1)


def _shrunk(images: ImageView) -> Tensor:
    """Return images ``(N, C, H, W)`` as rows ``(N, D)``, the larger ones in fewer pixels."""
    height, width = images.shape[2:]
    size = (min(height, _SIDE), min(width, _SIDE))
    parts = (part.float() for part in images.split(_TOGETHER))
    smaller = (F.adaptive_avg_pool2d(part, size) if (height, width) != size else part for part in parts)
    return gathered(len(images), smaller).flatten(1)
