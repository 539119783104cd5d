"""Encoder ``matrix-residual``: what is a model's own in all its probabilities, among models that share nearly all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

import attrs
import torch
from torch import Tensor, nn

import fpframe
from fpframe.interfaces import Relation
from fpframe.parameters import number, whole
from fpframe_plugins.encoders._common_ways import NOISE, common_ways
from fpframe_plugins.encoders._kinds import both_kinds
from fpframe_plugins.encoders._unit_norm import unit_norm

#: Scale of answers that say next to nothing; flatter ones are not spread further.
LEAST = 0.05
#: Numbers in a block of features.
_NUMBERS = 1 << 23


class MatrixResidual(nn.Module):
    """Answers ``(B, Q, K)`` to embeddings ``(B, Q * K + 1)``: log-probabilities, centred, of one scale, whitened.

    Attributes:
        usual: mean log-probabilities of the independent models, which give the scale, ``(Q, K)``.
        centre: the mean of them once all are brought to that scale, ``(Q, K)``.
        whitening: inverse square root of the covariance of queries, ``(Q, Q)``.
        directions: orthonormal directions in which models vary then, the strongest first, ``(D, Q * K)``; unused ones
            are zero.
        shrinking: what is taken off along each of them, as a share of it, ``(D,)``.
        probabilities_alone: see `fpframe.Encoder`.
    """

    usual: Tensor
    centre: Tensor
    whitening: Tensor
    directions: Tensor
    shrinking: Tensor
    probabilities_alone = True

    def __init__(self, q: int, k: int, directions: int, floor: float) -> None:
        super().__init__()
        self.floor = floor
        self.register_buffer("usual", torch.zeros(q, k))
        self.register_buffer("centre", torch.zeros(q, k))
        self.register_buffer("whitening", torch.eye(q))
        self.register_buffer("directions", torch.zeros(directions, q * k))
        self.register_buffer("shrinking", torch.zeros(directions))

    def forward(self, answers: Tensor) -> Tensor:
        """Embed answers; those that are not finite stay so, for a verdict must see them."""
        # the zero keeps minus infinity, which the floor would hide
        logs = answers.clamp_min(self.floor).log() + 0 * answers
        logs = logs - logs.mean(2, keepdim=True)
        own: Tensor = (self.whitening @ (logs / self._scale(logs) - self.centre)).flatten(1)
        return unit_norm(own - (own @ self.directions.T * self.shrinking) @ self.directions)

    def by_query(self, embeddings: Tensor, q: int) -> Tensor:
        """Return embeddings as parts ``(B, Q, K)``, each mostly of one query: what others foretell of it is taken off.

        The last coordinate is of none: it is only for models of which nothing is left.
        """
        parts: Tensor = embeddings[:, :-1].unflatten(1, (q, -1))
        return parts

    def fit(self, derived: Tensor, independent: Tensor, *, ridge: float, loading: float) -> None:
        """Learn from answers ``(M, Q, K)`` of either kind."""
        logs = _Logs(independent, self.floor)
        self.usual.copy_(logs.mean())
        kinds = [logs, _Logs(derived, self.floor)] if len(derived) else [logs]
        for kind in kinds:
            kind.bring_to(self._scale)
        self.centre.copy_(logs.mean())
        queries, classes = self.centre.shape
        covariance = torch.zeros(queries, queries, dtype=torch.float64)
        for _, within in _blocks(kinds):
            rows = within.transpose(0, 1).flatten(1)
            covariance += rows @ rows.T
        models = sum(map(len, kinds))
        # all classes and models share it
        whitening = _inverse_root(covariance / (models * classes), loading)
        self.whitening.copy_(whitening)
        products = torch.zeros(models, models, dtype=torch.float64)
        for _, within in _blocks(kinds):
            whitened = (whitening @ within).flatten(1)
            products += whitened @ whitened.T
        vectors, real, shrinking = common_ways(products, most=len(self.directions), ridge=ridge)
        self.shrinking.zero_()
        self.shrinking[: len(shrinking)] = shrinking
        self.directions.zero_()
        directions = self.directions.unflatten(1, (queries, classes))  # a view of them
        for block, within in _blocks(kinds):
            found = (vectors * real) @ (whitening @ within).flatten(1)
            directions[: len(vectors), :, block] = found.unflatten(1, (queries, -1)).float()

    def _scale(self, logs: Tensor) -> Tensor:
        """Return how far log-probabilities ``(B, Q, K)`` are spread, ``(B, 1, 1)``: 1 as the usual ones are.

        Temperature, and how long a model was trained, change the scale of all of them.
        """
        usual = self.usual.to(logs.dtype)
        spread: Tensor = (logs * usual).sum((1, 2), keepdim=True) / usual.square().sum().clamp_min(NOISE)
        return spread.clamp_min(LEAST) if bool(usual.any()) else torch.ones_like(spread)


class _Logs:
    """Centred log-probabilities of models ``(M, Q, K)``, made some classes at a time, in float64."""

    def __init__(self, answers: Tensor, floor: float) -> None:
        self.answers, self.floor = answers, floor
        self._means = torch.stack([self._of(each).mean(1, keepdim=True) for each in answers])
        self._scales = torch.ones(len(answers), 1, 1, dtype=torch.float64)

    def __len__(self) -> int:
        return len(self.answers)

    def __getitem__(self, block: slice) -> Tensor:
        return (self._of(self.answers[:, :, block]) - self._means) / self._scales

    def mean(self) -> Tensor:
        """Return their mean over models ``(Q, K)``."""
        every = (self._one(number) for number in range(len(self)))
        return sum(every, torch.zeros(1, dtype=torch.float64)) / len(self)

    def bring_to(self, scale: Callable[[Tensor], Tensor]) -> None:
        """Divide each model's by its scale from now on."""
        self._scales = torch.cat([scale(self._one(number).unsqueeze(0)) for number in range(len(self))])

    def _one(self, number: int) -> Tensor:
        return (self._of(self.answers[number]) - self._means[number]) / self._scales[number]

    def _of(self, answers: Tensor) -> Tensor:
        return answers.clamp_min(self.floor).log().double()


def _blocks(kinds: Sequence[_Logs]) -> Iterator[tuple[slice, Tensor]]:
    """Yield some classes, and the log-probabilities that all models give them, less the mean of their kind."""
    _, queries, classes = kinds[0].answers.shape
    size = max(1, _NUMBERS // (queries * sum(map(len, kinds))))
    for start in range(0, classes, size):
        block = slice(start, start + size)
        logs = [kind[block] for kind in kinds]
        yield block, torch.cat([each - each.mean(0) for each in logs])


def _inverse_root(covariance: Tensor, loading: float) -> Tensor:
    """Return the inverse square root of a covariance ``(Q, Q)`` with its mean variance, times `loading`, added to all.

    It is symmetric, so that each row stays as near as can be to the query that it was of.
    """
    added = (loading * covariance.diagonal().mean()).clamp_min(NOISE**2)
    variances, vectors = torch.linalg.eigh(covariance + added * torch.eye(len(covariance), dtype=covariance.dtype))
    root: Tensor = (vectors * variances.clamp_min(NOISE**2).rsqrt()) @ vectors.T
    return root


@attrs.frozen(kw_only=True)
class MatrixResidualEncoder(fpframe.Encoder):
    """Compare what is a model's own in all its probabilities, down to very small ones.

    Models that were fine-tuned from one public model agree in nearly everything. What the owner's training added to
    each class shows in probabilities far below one per cent, in directions in which images vary little. So
    log-probabilities are floored at a hundred-thousandth, and seen as a matrix of queries and classes. They are brought
    to one scale, which undoes temperature. The mean of the independent models is taken off. What is left is whitened
    over queries, by a covariance that all classes and models share, as in a matrix normal distribution (Dawid, "Some
    matrix-variate distribution theory", Biometrika 1981): that can be estimated from few models. Then all directions in
    which the independent models vary, or the derived ones, lose nearly all their weight. The cosine of two such
    residuals is the score. The victim takes no part in the fit.

    It takes many models to fit, a hundred or more; those that learn a last layer alone are cheap. Labels say little of
    such models, so they do not lift the score of a suspect that answers with probabilities.

    Fitting holds some blocks of 64 MB beside the answers; the stored encoder ``4 * directions * Q * K`` bytes.

    Attributes:
        directions: at most so many directions lose weight.
        ridge: variance, in units of its mean over the models' directions, at which a direction loses 30 % of it.
        loading: what is added to the variance of every query, in units of its mean.
        floor: probabilities below this are all the same.
    """

    name: ClassVar[str] = "matrix-residual"
    directions: int = attrs.field(default=256, validator=whole(low=1))
    ridge: float = attrs.field(default=0.01, validator=number(low=0, open_low=True))
    loading: float = attrs.field(default=0.1, validator=number(low=0, open_low=True))
    floor: float = attrs.field(default=1e-5, validator=number(low=0, high=0.5, open_low=True))

    @property
    def deterministic(self) -> bool:
        """Nothing is drawn by chance."""
        return True

    def module(self, q: int, k: int) -> nn.Module:
        """Return the network, not yet fitted."""
        return MatrixResidual(q, k, self.directions, self.floor)

    def fit_module(
        self, module: nn.Module, answers: Tensor, relation: Sequence[Relation], groups: Tensor, *, seed: int
    ) -> None:
        """Learn mean and covariances; every view of every model is a sample.

        Raises:
            fpframe.DataError: there is no independent model.
        """
        assert isinstance(module, MatrixResidual)
        derived, independent = both_kinds(answers, relation, name=self.name)
        module.fit(derived, independent, ridge=self.ridge, loading=self.loading)


@fpframe.hookimpl
def fpframe_components() -> list[type[fpframe.Component]]:
    """Offer the encoder."""
    return [MatrixResidualEncoder]
