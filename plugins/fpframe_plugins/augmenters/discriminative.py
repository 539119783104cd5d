"""`discriminative`: query points at which models made from the victim differ from independent ones.

Most images are answered alike by everybody, and many that the victim gets wrong are hard for everybody too. What tells
is an image at which models made from the victim follow it and independent ones do not; which these are is learnt from
the reference models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import torch
from torch import Tensor

import fpframe
from fpframe import Augmenter, Classifier, References
from fpframe.models import Pixels, some_pixels
from fpframe.parameters import number, whole
from fpframe_plugins.augmenters._dealing import ascending, deal, margins

#: Probabilities below this count the same: how sure a model is of a label is the trait of a recipe, not of a victim.
FLOOR = 0.1
#: Share of the mean variance in that of each image: a few references may agree on an image by chance.
SHRINKAGE = 0.1


@attrs.frozen(kw_only=True)
class Discriminative(Augmenter):
    """Choose images that tell models made from the victim from independent ones, each in a way of its own.

    Of the images on which the victim is least sure, each next one is chosen that adds most to the separation of the
    two kinds of reference model, by linear discriminant analysis with a ridge: the best next image differs on average
    between the two, varies little within them, and does not repeat what the images before it show.

    Asking M references costs M forward passes of the candidates, and the answers of one of them are in memory:
    ``4 * candidates * K`` bytes for K classes.

    Attributes:
        candidates: images that are considered, by the lowest margin of the victim; at least as many as are asked.
        ridge: variance that is added to that of an image, in units of it; with a larger one images may be more alike.
    """

    name: ClassVar[str] = "discriminative"
    needs_references: ClassVar[bool] = True
    streams: ClassVar[bool] = True
    candidates: int = attrs.field(default=4000, validator=whole(low=1))
    ridge: float = attrs.field(default=1.0, validator=number(low=0, open_low=True))

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def choose(
        self,
        model: Classifier,
        pool: Tensor | Pixels,
        labels: Tensor,
        *,
        points: int,
        views: int,
        references: References | None,
        seed: int,
    ) -> Tensor:
        """Return indices ``(V, N)`` into `pool` ``(P, C, H, W)``, none of them twice; true labels do not matter.

        Raises:
            DataError: the pool has fewer than ``V * N`` images, or there are no reference models of both kinds.
        """
        if references is None or not len(references.derived) or not len(references.independent):
            raise fpframe.DataError(
                "'discriminative' learns its points from models made from the victim and from independent ones, and "
                "has none of one kind; give the recipe 'fit' models under [[derived]] and [[independent]]"
            )
        predicted, margin = margins(model, pool)
        considered = ascending(margin)[: max(self.candidates, points * views)]
        derived, independent = references.reduced(
            some_pixels(pool, considered), lambda answers: allegiance(answers[None], predicted[considered])[0]
        )
        count = min(points * views, len(considered))  # too few are refused where they are dealt
        order = most_telling(derived, independent, count=count, ridge=self.ridge)
        return deal(considered[order], points=points, views=views)


def allegiance(answers: Tensor, labels: Tensor) -> Tensor:
    """Return how far models follow the victim on each image, ``(M, P)``.

    One for the victim's label, and half the log-odds of that label against the best other one: the label alone is all
    that a thief of labels has learnt, and the odds show more of a thief of probabilities.

    Args:
        answers: probabilities ``(M, P, K)``.
        labels: the victim's ``(P,)``.
    """
    where = labels.expand(len(answers), -1).unsqueeze(2)
    ours = answers.gather(2, where).squeeze(2)
    others = answers.scatter(2, where, 0).amax(2)
    log_odds = ours.clamp_min(FLOOR).log() - others.clamp_min(FLOOR).log()
    return (answers.argmax(2) == labels) + log_odds / 2


def most_telling(derived: Tensor, independent: Tensor, *, count: int, ridge: float) -> Tensor:
    """Return the indices of `count` columns that together separate the rows of two tables, the best one first.

    Forward selection for the discriminant ``d (S + ridge * 1)^-1 d`` of the chosen columns, where d is the difference
    of the means and S the covariance within the tables, both in units of each column's standard deviation.

    Args:
        derived: ``(M, P)``, larger than `independent` on average where a column tells.
        independent: ``(L, P)``.
        count: at most P.
        ridge: see above.
    """
    derived, independent = derived.double(), independent.double()
    within = torch.cat([derived - derived.mean(0), independent - independent.mean(0)])
    variance = within.square().mean(0)
    spread = ((1 - SHRINKAGE) * variance + SHRINKAGE * variance.mean()).sqrt().clamp_min(1e-6)
    difference = (derived.mean(0) - independent.mean(0)) / spread
    within = within / spread / len(within) ** 0.5
    # of each column, given the chosen ones: what of its difference is new, and its variance about them
    new, about = difference.clone(), within.square().sum(0)
    inverse = torch.eye(len(within), dtype=torch.double)  # of 1 + (chosen columns, times themselves) / ridge
    free = torch.ones(len(new), dtype=torch.bool)
    order = []
    for _ in range(count):
        # the sign stays: a column on which independent models follow more comes last
        gain = (new * new.abs() / (ridge + about)).masked_fill(~free, float("-inf"))
        best = int(gain.argmax())
        free[best] = False
        order.append(best)
        step = inverse @ within[:, best]
        covariance = step @ within
        left = ridge + about[best]
        inverse -= torch.outer(step, step) / left
        new = new - covariance * (new[best] / left)
        about = about - covariance.square() / left
    return torch.tensor(order)


@fpframe.hookimpl
def fpframe_components() -> Sequence[type[fpframe.Component]]:
    """Offer `discriminative`."""
    return [Discriminative]
