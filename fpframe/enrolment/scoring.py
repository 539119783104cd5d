"""How answers are scored: by what the suspect reveals, and by its labels, whichever speaks more for the claimant."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fpframe.decision import Standard
from fpframe.enrolment.points import drawn_cosines, drawn_points, middle
from fpframe.enrolment.sharpness import scored_answers
from fpframe.models import TOP1, nearest_channel, through_channel
from fpframe.rng import threads

#: By how much cosines of the same labels differ between machines: the last decimals that are kept.
_LAST = 2e-6


def score_views(encoder: nn.Module, answers: Tensor, victim_answers: Tensor, channel: str) -> np.ndarray:
    """Return the view scores ``(M, V)`` of models by their answers ``(M, V, Q, K)``."""
    with threads(1):
        likeness = Likeness(encoder, victim_answers, channel)
        return _row_by_row(likeness, answers)


def fisher_z(views: np.ndarray) -> np.ndarray:
    """Return the inverse hyperbolic tangent of view scores, for means that are compared between looks.

    Cosines crowd below 1, where all thefts lie: one noisy view weighs as much there as the whole distance to the models
    beyond. On this scale of correlations the spread barely depends on the height (Fisher, Metron, 1921). A cosine of 1
    is taken for the largest number below it that tells apart anything.
    """
    scaled: np.ndarray = np.arctanh(np.clip(views, -1 + 1e-6, 1 - 1e-6))
    return scaled


class Likeness:
    """How like the victim a model answers, view by view, to one encoder in one channel.

    The victim's answers are embedded once, for all models that are compared with it. Each view is compared with the
    victim's same view, or with its first one where the network says so; see `fpframe.Encoder`.

    Args:
        encoder: the fitted network.
        victim_answers: the victim's answers ``(V, Q, K)``.
        channel: what the models reveal.
    """

    def __init__(self, encoder: nn.Module, victim_answers: Tensor, channel: str) -> None:
        self._encoder, self._victim, self._channel = encoder, victim_answers, channel
        self._embedded = self._embeddings(victim_answers)
        if getattr(encoder, "against_first_view", False):
            self._embedded = [self._embedded[0]] * len(self._embedded)

    def __call__(self, answers: Tensor) -> Tensor:
        """Return the cosine ``(V,)`` between the embeddings of a model and of the victim in each view.

        Answers ``(V, Q, K)`` may be of the first views only; as many of the victim's are compared.
        """
        pairs = zip(self._embedded, self._embeddings(answers), strict=False)
        cosines = torch.cat([F.cosine_similarity(ours, theirs, dim=1) for ours, theirs in pairs])
        # float32 knows no more, and models that match the victim equally often have to tie
        return cosines.double().round(decimals=6)

    def roughly(self, answers: Tensor, view: int) -> Tensor:
        """Return the cosines ``(M,)`` of models in one view by their answers ``(M, Q, K)``, to about four decimals."""
        scored = scored_answers(answers, self._victim[view : view + 1], self._channel, rough=True)
        return F.cosine_similarity(self._embedded[view], self._encoder(scored), dim=1).double()

    def drawn(self, answers: Tensor, drawn: Tensor) -> Tensor | None:
        """Return the cosine ``(R,)`` in the only view ``(1, Q, K)`` for each draw of its queries ``(R, Q)``.

        ``None`` where the encoder does not say which part of an embedding is of which query.
        """
        return drawn_cosines(self._encoder, self._embedded[0], self._embeddings(answers)[0], drawn)

    def _embeddings(self, answers: Tensor) -> list[Tensor]:
        # one view at a time: matrices of other sizes are added up in another order, and a view that is scored before
        # the next is asked must get the score that it gets among all
        views = scored_answers(answers, self._victim, self._channel).split(1)
        return [self._encoder(view) for view in views]


def cosine_scores(encoder: nn.Module, answers: Tensor, victim_answers: Tensor, channel: str) -> Tensor:
    """Return the cosine ``(V,)`` between the embeddings of two models, view by view; see `Likeness`."""
    return Likeness(encoder, victim_answers[: len(answers)], channel)(answers)


class Scorer:
    """The score of each view of a model that reveals a channel.

    A thief must gain nothing by revealing more than labels: some changes of probabilities leave the labels as they
    are. So the labels of every model are scored too, and the larger score counts. Both are cosines with the victim, but
    independent models agree with it in labels more, or less, than in probabilities. So the score of the labels is
    brought to the scale of the other one first: as many standard deviations above the mean of independent models, on
    Fisher's scale. These means are of models that fitted other encoders, and of none that calibrates, and what is
    counted is the same for suspects and calibration models, so that p keeps its promise. Where labels would only blur
    what probabilities show, an encoder asks for these alone; see `fpframe.Encoder`.

    Args:
        encoders: the fitted network of each channel.
        standards: what independent models of the fit split score, by channel.
        victim_answers: the victim's ``(V, Q, K)``.
        channel: what the model reveals.
    """

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        standards: Mapping[str, Standard],
        victim_answers: Tensor,
        channel: str,
    ) -> None:
        own = channel if channel in encoders else nearest_channel(channel, encoders)
        self.channel, self._own = channel, Likeness(encoders[own], victim_answers, channel)
        self._labels: Likeness | None = None
        alone = bool(getattr(encoders[own], "probabilities_alone", False))
        if not alone and channel != TOP1 and own != TOP1 and TOP1 in encoders and {own, TOP1} <= set(standards):
            # the labels of what is revealed: rounded answers tie where others do not
            self._labels = Likeness(encoders[TOP1], through_channel(victim_answers, channel), TOP1)
            self._source, self._target = standards[TOP1], standards[own]

    def __call__(self, answers: Tensor) -> Tensor:
        """Return the score ``(V,)`` of each view by a model's probabilities ``(V, Q, K)`` in all views or the first."""
        scores = self._own(answers)
        if self._labels is None:
            return scores
        labels = self._labels(through_channel(answers, self.channel))
        return torch.maximum(scores, _translated(labels, self._source, self._target))

    def roughly(self, answers: Tensor, view: int) -> Tensor:
        """Return the scores ``(M,)`` of models in one view by their probabilities ``(M, Q, K)``, quickly.

        They are right to about four decimals, where `views` gives six.
        """
        scores = self._own.roughly(answers, view)
        if self._labels is None:
            return scores
        labels = self._labels.roughly(through_channel(answers, self.channel), view)
        return torch.maximum(scores, _translated(labels, self._source, self._target))

    def bounds(self, answers: Tensor, tolerance: float) -> tuple[Tensor, Tensor]:
        """Return between which numbers ``(V,)`` another machine may find the score of each view.

        Answers ``(V, Q, K)`` are the same there, so labels are too, and only the last decimals of their cosines differ.
        """
        scores = self._own(answers)
        low, high = scores - tolerance, scores + tolerance
        if self._labels is None:
            return low, high
        labels = self._labels(through_channel(answers, self.channel))
        moved = (_translated(labels + step, self._source, self._target) for step in (-_LAST, _LAST))
        least, most = moved
        return torch.maximum(low, least - tolerance), torch.maximum(high, most + tolerance)

    def interval(self, answers: Tensor) -> tuple[float, float] | None:
        """Return the interval, 2.5 % to 97.5 %, of the score of the only view ``(1, Q, K)`` over its queries.

        ``None`` where there are several views, or the encoder does not say which part of an embedding is of which
        query.
        """
        if len(answers) != 1:
            return None
        scores = self.drawn(answers, drawn_points(answers.shape[1]))
        return None if scores is None else middle(scores)

    def drawn(self, answers: Tensor, drawn: Tensor) -> Tensor | None:
        """Return the score ``(R,)`` in the only view ``(1, Q, K)`` for each draw of its queries ``(R, Q)``.

        ``None`` where the encoder does not say which part of an embedding is of which query.
        """
        scores = self._own.drawn(answers, drawn)
        if scores is None or self._labels is None:
            return scores
        labels = self._labels.drawn(through_channel(answers, self.channel), drawn)
        return None if labels is None else torch.maximum(scores, _translated(labels, self._source, self._target))

    def views(self, answers: Tensor) -> np.ndarray:
        """Return the view scores ``(M, V)`` of models by their answers ``(M, V, Q, K)``."""
        with threads(1):
            return _row_by_row(self, answers)


def _row_by_row(score: Callable[[Tensor], Tensor], answers: Tensor) -> np.ndarray:
    # model by model, as a suspect is scored: in another arithmetic an exact tie would not be one
    rows = [score(each).tolist() for each in answers]
    return np.array(rows, dtype=np.float64).reshape(len(answers), -1)


def _translated(scores: Tensor, source: Standard, target: Standard) -> Tensor:
    """Return scores as far above the mean of the target as they are above that of the source, in deviations."""
    above = (fisher_z(scores.numpy()) - source.means[0]) / source.deviations[0]
    cosines = np.tanh(target.means[0] + target.deviations[0] * above)
    return torch.from_numpy(cosines).round(decimals=6)
