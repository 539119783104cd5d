"""What queries give away of the victim's training data, to whoever is sent them.

First, whether they *are* training images. Second, whether somebody who holds them and may ask the victim can tell those
that are from those that are not, by the victim's loss: the attack of Yeom et al., "Privacy Risk in Machine Learning:
Analyzing the Connection to Overfitting" (CSF 2018). Images are the units here, not models.
"""

from __future__ import annotations

import attrs
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fpframe.decision import auc, auc_interval
from fpframe.models import Classifier, Images, QuerySet, image_digests
from fpframe.rng import generator


@attrs.frozen(kw_only=True)
class Leak:
    """How well the victim's loss tells its training images from others.

    Attributes:
        auc: chance that a training image has the lower loss.
        interval: 95 % interval, with images as units.
        members: number of training images.
        others: number of others.
    """

    auc: float
    interval: tuple[float, float]
    members: int
    others: int

    @property
    def text(self) -> str:
        """The area with its interval and the numbers of images."""
        low, high = self.interval
        return f"{self.auc:.3f} [{low:.3f}, {high:.3f}] ({self.members} / {self.others})"


def shown_images(queries: QuerySet) -> Tensor:
    """Return the different images ``(N, C, H, W)`` that stand in a query set as they were drawn from the pool."""
    shown = [queries.images[:, part.start : part.start + part.points] for part in queries.parts]
    clean = torch.cat([images.flatten(0, 1) for images in shown])
    # neighbours of two points may be one image
    first = {digest: row for row, digest in reversed(list(enumerate(image_digests(clean))))}
    return clean[sorted(first.values())]


def share_of(images: Tensor, training: Images) -> float:
    """Return the share of 8-bit images that are training images, byte for byte."""
    known = set(image_digests(training.images))
    return sum(digest in known for digest in image_digests(images)) / len(images)


def with_labels(images: Tensor, pool: Images) -> Images:
    """Return images of a pool with the labels that they have there."""
    rows = {digest: row for row, digest in enumerate(image_digests(pool.images))}
    return Images(images, pool.labels[[rows[digest] for digest in image_digests(images)]])


def drawn(images: Images, count: int, *, seed: int) -> Images:
    """Return images drawn at random, as many as there are at most."""
    return images[torch.randperm(len(images), generator=generator(seed, "membership"))[:count]]


def loss_attack(victim: Classifier, members: Images, others: Images, training: Images) -> Leak:
    """Tell training images from others by the victim's cross-entropy on them: a low one speaks for a training image.

    Others that are training images all the same, byte for byte, are left out.
    """
    known = set(image_digests(training.images))
    new = torch.tensor([digest not in known for digest in image_digests(others.images)])
    inside, outside = (-_losses(victim, images) for images in (members, others[new]))
    area = auc(inside, outside)
    return Leak(
        auc=area,
        interval=auc_interval(area, len(inside), len(outside)),
        members=len(inside),
        others=len(outside),
    )


def _losses(victim: Classifier, images: Images) -> np.ndarray:
    losses: np.ndarray = F.cross_entropy(victim.logits(images.pixels).double(), images.labels, reduction="none").numpy()
    return losses
