"""Encoder ``residual``: what is left of an answer when all that independent models share is taken off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import torch
from torch import Tensor, nn

import fpframe
from fpframe import through_channel
from fpframe.interfaces import Relation
from fpframe.models import TOP1
from fpframe.parameters import number, whole
from fpframe_plugins.encoders._common_ways import NOISE, common_ways
from fpframe_plugins.encoders._kinds import both_kinds
from fpframe_plugins.encoders._unit_norm import unit_norm

#: With more classes than these, features are made some queries at a time.
MANY = 256
#: Numbers in a block of features.
_NUMBERS = 1 << 24


class WhitenedAnswers(nn.Module):
    """Answers ``(B, Q, K)`` to embeddings ``(B, 2 * Q * K + 1)``: labels and log-probabilities, whitened.

    Attributes:
        centre: mean features of the independent models, ``(F,)`` with ``F = 2 * Q * K``.
        scale: a standard deviation for the log-probabilities, one for the labels, ``(2,)``.
        directions: orthonormal directions in which models vary, the strongest first, ``(D, F)``; unused ones are zero.
        shrinking: what is taken off along each of them, as a share of it, ``(D,)``.
    """

    centre: Tensor
    scale: Tensor
    directions: Tensor
    shrinking: Tensor

    def __init__(self, q: int, k: int, directions: int, floor: float) -> None:
        super().__init__()
        self.floor = floor
        self.register_buffer("centre", torch.zeros(2 * q * k))
        self.register_buffer("scale", torch.ones(2))
        self.register_buffer("directions", torch.zeros(directions, 2 * q * k))
        self.register_buffer("shrinking", torch.zeros(directions))

    def forward(self, answers: Tensor) -> Tensor:
        """Embed answers; those that are not finite stay so, for a verdict must see them."""
        residuals = self._features(answers) - self.centre
        return unit_norm(residuals - (residuals @ self.directions.T * self.shrinking) @ self.directions)

    def by_query(self, embeddings: Tensor, q: int) -> Tensor:
        """Return embeddings as parts ``(B, Q, 2 * K)`` of single queries.

        The last coordinate is of none: it is only for models of which nothing is left.
        """
        logs, labels = embeddings[:, :-1].unflatten(1, (2, q, -1)).unbind(1)
        return torch.cat([logs, labels], dim=2)

    def fit(self, derived: Tensor, independent: Tensor, ridge: float) -> None:
        """Learn from answers ``(B, Q, K)`` of either kind."""
        if independent.shape[2] > MANY:
            self._fit_in_blocks(derived, independent, ridge)
            return
        half = self.centre.numel() // 2
        self.scale.fill_(1)
        features = self._features(independent)
        for part, columns in enumerate(features.split(half, dim=1)):
            self.scale[part] = columns.var(0, correction=0).mean().sqrt().clamp_min(NOISE)
        features = self._features(independent)
        self.centre.copy_(features.mean(0))
        within = features - self.centre
        if len(derived):
            follow = self._features(derived)
            within = torch.cat([within, follow - follow.mean(0)])
        vectors, real = self._whiten((within @ within.T).double(), ridge)
        self.directions[: len(vectors)] = vectors.to(within.dtype) @ within * real

    def _fit_in_blocks(self, derived: Tensor, independent: Tensor, ridge: float) -> None:
        """Do the same some queries at a time: the features of all models at all queries are never in memory."""
        queries, classes = independent.shape[1:]
        size = max(1, _NUMBERS // (2 * classes * (len(derived) + len(independent))))
        blocks = [slice(start, min(start + size, queries)) for start in range(0, queries, size)]
        self.scale.fill_(1)
        variance = torch.zeros(2, dtype=torch.float64)
        for block in blocks:
            spread = self._features(independent[:, block]).double().var(0, correction=0)
            variance += spread.reshape(2, -1).sum(1)
        self.scale.copy_((variance / (queries * classes)).sqrt().clamp_min(NOISE))
        centre = self.centre.reshape(2, queries, classes)  # a view of it
        products = torch.zeros(2 * [len(derived) + len(independent)], dtype=torch.float64)
        for block in blocks:
            features = self._features(independent[:, block])
            centre[:, block] = features.mean(0).reshape(2, -1, classes)
            within = self._within(derived, independent, block)
            products += (within @ within.T).double()
        vectors, real = self._whiten(products, ridge)
        directions = self.directions.reshape(-1, 2, queries, classes)
        for block in blocks:
            found = vectors.to(independent.dtype) @ self._within(derived, independent, block) * real
            directions[: len(vectors), :, block] = found.reshape(len(vectors), 2, -1, classes)

    def _within(self, derived: Tensor, independent: Tensor, block: slice) -> Tensor:
        """Return the features of all models at some queries, less the mean of their kind."""
        kinds = [self._features(kind[:, block]) for kind in (independent, derived) if len(kind)]
        return torch.cat([features - features.mean(0) for features in kinds])

    def _features(self, answers: Tensor) -> Tensor:
        logs = answers.clamp_min(self.floor).log()
        logs = (logs - logs.mean(2, keepdim=True)).flatten(1)
        labels = through_channel(answers, TOP1).flatten(1)
        return torch.cat([logs / self.scale[0], labels / self.scale[1]], dim=1)

    def _whiten(self, products: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
        """Note what is taken off, and return what `common_ways` says of the directions."""
        vectors, real, shrinking = common_ways(products, most=len(self.directions), ridge=ridge)
        self.directions.zero_()
        self.shrinking.zero_()
        self.shrinking[: len(shrinking)] = shrinking
        return vectors, real


@attrs.frozen(kw_only=True)
class Residual(fpframe.Encoder):
    """Compare what is a model's own: its answers less what independent models answer, less the ways in which they vary.

    An answer is seen as its label and as its log-probabilities, floored and centred, so that thieves of labels and of
    probabilities are found by the same encoder, and through every channel. The mean of the independent models is
    subtracted; what is left is whitened by the covariance within the independent and within the derived models, with a
    ridge: directions in which many models vary, as an architecture, a recipe or a difficult class makes them, lose
    their weight. The cosine of two such residuals is the adaptive coherence estimator (Kraut, Scharf and McWhorter,
    "Adaptive subspace detectors", IEEE Trans. Signal Processing 2001). The victim takes no part in the fit.

    What is learnt belongs to the single query, so that one view of many points serves it best. Of several views
    the statistics are taken over models and views together, as if each position asked the same image in every view;
    what is then left is what classes share.

    Fitting holds about three tables of ``8 * M * V * Q * K`` bytes for M models, and the stored encoder
    ``8 * directions * Q * K``. With more than 256 classes it holds about three tables of half that size, which are the
    answers, and works on some queries at a time: 300 queries of 1000 classes and 250 models take 0.3 GB a table, and
    77 MB.

    Attributes:
        directions: at most so many directions lose weight.
        ridge: variance, in units of its mean over the models' directions, at which a direction loses 30 % of it.
        floor: probabilities below this are all the same; an answer rounded to one decimal still shows the default.
    """

    name: ClassVar[str] = "residual"
    directions: int = attrs.field(default=32, validator=whole(low=1))
    ridge: float = attrs.field(default=1.0, validator=number(low=0, open_low=True))
    floor: float = attrs.field(default=0.1, validator=number(low=0, high=0.5, open_low=True))

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def module(self, q: int, k: int) -> nn.Module:
        """Return the network, not yet fitted."""
        return WhitenedAnswers(q, k, self.directions, self.floor)

    def fit_module(
        self, module: nn.Module, answers: Tensor, relation: Sequence[Relation], groups: Tensor, *, seed: int
    ) -> None:
        """Learn mean and covariance; every view of every model is a sample.

        Raises:
            fpframe.DataError: there is no independent model.
        """
        assert isinstance(module, WhitenedAnswers)
        derived, independent = both_kinds(answers, relation, name=self.name)
        module.fit(derived, independent, self.ridge)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the encoder."""
    return [Residual]
