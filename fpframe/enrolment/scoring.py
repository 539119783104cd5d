"""How answers are scored: by what the suspect reveals, and by its labels, whichever speaks more for the claimant."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fpframe.decision import Standard
from fpframe.enrolment.sharpness import scored_answers
from fpframe.models import TOP1, nearest_channel, through_channel
from fpframe.rng import threads


def score_views(encoder: nn.Module, answers: Tensor, victim_answers: Tensor, channel: str) -> np.ndarray:
    """Return the view scores ``(M, V)`` of models by their answers ``(M, V, Q, K)``."""
    with threads(1):
        # model by model, as a suspect is scored: in another arithmetic an exact tie would not be one
        rows = [cosine_scores(encoder, each, victim_answers, channel).tolist() for each in answers]
    return np.array(rows, dtype=np.float64).reshape(len(answers), -1)


def fisher_z(views: np.ndarray) -> np.ndarray:
    """Return the inverse hyperbolic tangent of view scores, for means that are compared between looks.

    Cosines crowd below 1, where all thefts lie: one noisy view weighs as much there as the whole distance to the models
    beyond. On this scale of correlations the spread barely depends on the height (Fisher, Metron, 1921). A cosine of 1
    is taken for the largest number below it that tells apart anything.
    """
    scaled: np.ndarray = np.arctanh(np.clip(views, -1 + 1e-6, 1 - 1e-6))
    return scaled


def cosine_scores(encoder: nn.Module, answers: Tensor, victim_answers: Tensor, channel: str) -> Tensor:
    """Return the cosine ``(V,)`` between the embeddings of two models, view by view.

    `answers` may hold the first views only; as many of the victim's are compared.
    """
    # one view at a time: matrices of other sizes are added up in another order, and a view that is scored before the
    # next is asked must get the score that it gets among all
    pairs = zip(
        scored_answers(victim_answers[: len(answers)], victim_answers, channel).split(1),
        scored_answers(answers, victim_answers, channel).split(1),
        strict=True,
    )
    cosines = torch.cat([F.cosine_similarity(encoder(ours), encoder(theirs), dim=1) for ours, theirs in pairs])
    # float32 knows no more, and models that match the victim equally often have to tie
    return cosines.double().round(decimals=6)


def combined_views(
    encoders: Mapping[str, nn.Module],
    standards: Mapping[str, Standard],
    answers: Tensor,
    victim_answers: Tensor,
    channel: str,
) -> np.ndarray:
    """Return the view scores ``(M, V)`` of models by their answers ``(M, V, Q, K)``; see `combined_scores`."""
    with threads(1):
        # model by model, as a suspect is scored: in another arithmetic an exact tie would not be one
        rows = [combined_scores(encoders, standards, each, victim_answers, channel).tolist() for each in answers]
    return np.array(rows, dtype=np.float64).reshape(len(answers), -1)


def combined_scores(
    encoders: Mapping[str, nn.Module],
    standards: Mapping[str, Standard],
    answers: Tensor,
    victim_answers: Tensor,
    channel: str,
) -> Tensor:
    """Return the score ``(V,)`` of each view of a model that reveals a channel.

    A thief must gain nothing by revealing more than labels: some changes of probabilities leave the labels as they
    are. So the labels of every model are scored too, and the larger score counts. Both are cosines with the victim, but
    independent models agree with it in labels more, or less, than in probabilities. So the score of the labels is
    brought to the scale of the other one first: as many standard deviations above the mean of independent models, on
    Fisher's scale. These means are of models that fitted other encoders, and of none that calibrates, and what is
    counted is the same for suspects and calibration models, so that p keeps its promise.

    Args:
        encoders: the fitted network of each channel.
        standards: what independent models of the fit split score, by channel.
        answers: the model's probabilities ``(V, Q, K)``; its first views only, or all.
        victim_answers: the victim's ``(V, Q, K)``.
        channel: what the model reveals.
    """
    own = channel if channel in encoders else nearest_channel(channel, encoders)
    scores = cosine_scores(encoders[own], answers, victim_answers, channel)
    if channel == TOP1 or own == TOP1 or TOP1 not in encoders or not {own, TOP1} <= set(standards):
        return scores
    # the labels of what is revealed: rounded answers tie where others do not
    revealed, ours = through_channel(answers, channel), through_channel(victim_answers, channel)
    labels = cosine_scores(encoders[TOP1], revealed, ours, TOP1)
    return torch.maximum(scores, _translated(labels, standards[TOP1], standards[own]))


def _translated(scores: Tensor, source: Standard, target: Standard) -> Tensor:
    """Return scores as far above the mean of the target as they are above that of the source, in deviations."""
    above = (fisher_z(scores.numpy()) - source.means[0]) / source.deviations[0]
    cosines = np.tanh(target.means[0] + target.deviations[0] * above)
    return torch.from_numpy(cosines).round(decimals=6)
