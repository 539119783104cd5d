"""`Calibration`: independent models that fitted nothing, what they answered, and how they score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fpframe.decision import StratumPaths
from fpframe.models import through_channel
from fpframe.rng import threads

#: The name of answers that went through no filter.
PLAIN = ""


@attrs.frozen(kw_only=True)
class CalibrationModel:
    """One independent model that a suspect is compared with.

    Attributes:
        name: its lineage, or the file that it came from.
        stratum: kind of independent model.
        family: models of one family share an origin.
    """

    name: str
    stratum: str
    family: str


@attrs.frozen(kw_only=True, eq=False)
class Calibration:
    """What a suspect is compared with.

    Attributes:
        models: the models.
        answers: their probabilities ``(M, V, Q, K)`` to the query set, by the filter that they answered through;
            `PLAIN` for none. They are kept so that anybody can compute the scores again, and so that further channels
            and filters can be calibrated without the models.
        views: their view scores ``(M, V)``, by channel and filter.
        source: where the models came from.
    """

    models: tuple[CalibrationModel, ...]
    answers: Mapping[str, Tensor]
    views: Mapping[str, Mapping[str, np.ndarray]]
    source: str

    @classmethod
    def of(
        cls,
        models: Sequence[CalibrationModel],
        answers: Mapping[str, Tensor],
        encoders: Mapping[str, nn.Module],
        victim_answers: Tensor,
        *,
        source: str,
    ) -> Calibration:
        """Score models in every channel that has an encoder, and through every filter."""
        views = {
            channel: {name: score_views(encoder, given, victim_answers, channel) for name, given in answers.items()}
            for channel, encoder in encoders.items()
        }
        return cls(models=tuple(models), answers=dict(answers), views=views, source=source)

    def by_stratum(self, views: np.ndarray) -> dict[str, StratumPaths]:
        """Divide view scores ``(M, V)`` of the models by stratum."""
        rows: dict[str, list[int]] = {}
        for row, model in enumerate(self.models):
            rows.setdefault(model.stratum, []).append(row)
        return {
            stratum: StratumPaths(views=views[chosen], families=tuple(self.models[row].family for row in chosen))
            for stratum, chosen in sorted(rows.items())
        }

    @property
    def counts(self) -> dict[str, int]:
        """Number of models by stratum."""
        return {name: len(paths.families) for name, paths in self.by_stratum(np.zeros((len(self.models), 1))).items()}


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
        through_channel(victim_answers[: len(answers)], channel).split(1),
        through_channel(answers, channel).split(1),
        strict=True,
    )
    cosines = torch.cat([F.cosine_similarity(encoder(ours), encoder(theirs), dim=1) for ours, theirs in pairs])
    # float32 knows no more, and models that match the victim equally often have to tie
    return cosines.double().round(decimals=6)
