"""Fit the encoder of a channel on what a zoo answered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from fpframe.base import Event, Listener, ignore
from fpframe.decision import Standard, standard_of
from fpframe.enrolment.calibration import CalibrationModel
from fpframe.enrolment.scoring import fisher_z, score_views
from fpframe.enrolment.sharpness import scored_answers
from fpframe.errors import DataError
from fpframe.interfaces import Encoder, Relation
from fpframe.rng import derive_seed, threads
from fpframe.zoo import ZooModel, divide_families

Answered = Sequence[tuple[ZooModel, Tensor]]


def calibrating(models: Sequence[ZooModel]) -> list[ZooModel]:
    """Return the independent models of the calibrate split."""
    return [model for model in models if model.split == "calibrate" and model.relation == "independent"]


def calibration_models(models: Sequence[ZooModel]) -> list[CalibrationModel]:
    """Return models of a zoo as an enrolment records them."""
    return [CalibrationModel(name=str(m.lineage), stratum=m.stratum, family=m.family) for m in models]


def fit_encoder(encoder: Encoder, answered: Answered, victim_answers: Tensor, channel: str, *, seed: int) -> nn.Module:
    """Return the encoder fitted on the victim and the models of the fit split, in a channel.

    Raises:
        DataError: it learns, and there is no model of a kind to learn from; failed thefts are none.
    """
    chosen = [(model, answer) for model, answer in answered if model.split == "fit"]
    kinds = {model.relation for model, _ in chosen}
    for kind in ("derived", "independent") if encoder.learns else ():
        if kind not in kinds:
            raise DataError(
                f"'{encoder.name}' learns from derived and independent models, and no {kind} one of 'fit' is left "
                "(failed thefts do not count); give the thieves more epochs or images, or more models"
            )
    families = sorted({model.family for model, _ in chosen})
    relation: list[Relation] = ["victim", *(model.relation for model, _ in chosen)]
    groups = [0, *(1 + families.index(model.family) for model, _ in chosen)]
    # one table, made row by row: with many classes the answers of all models are large
    answers = victim_answers.new_empty(1 + len(chosen), *victim_answers.shape)
    for row, each in enumerate((victim_answers, *(row for _, row in chosen))):
        answers[row] = scored_answers(each, victim_answers, channel)
    with threads(1):
        return encoder.fit(
            answers,
            relation,
            torch.tensor(groups),
            seed=derive_seed(seed, "encoder", channel),
        )


def fit_encoders(
    encoder: Encoder,
    answered: Answered,
    victim_answers: Tensor,
    channels: Sequence[str],
    *,
    seed: int,
    on_event: Listener = ignore,
) -> dict[str, nn.Module]:
    """Return `fit_encoder` of each channel."""
    encoders: dict[str, nn.Module] = {}
    for done, channel in enumerate(channels, start=1):
        encoders[channel] = fit_encoder(encoder, answered, victim_answers, channel, seed=seed)
        on_event(Event(task="fitting encoders", done=done, total=len(channels)))
    return encoders


def fit_standards(
    encoder: Encoder, answered: Answered, victim_answers: Tensor, channels: Sequence[str], *, seed: int
) -> dict[str, Standard]:
    """Return, by channel, what the scores of independent models are like after each view, on Fisher's scale.

    An encoder scores the models that it was fitted on all alike, so that the families of the fit split are divided in
    two, and each half is scored by an encoder of the other one. These encoders serve for nothing else.
    """
    folds = _folds([(model, answer) for model, answer in answered if model.split == "fit"], seed=seed)
    standards = {}
    for channel in channels:
        views = []
        for fitted, scored in (folds, folds[::-1]):
            other = fit_encoder(encoder, fitted, victim_answers, channel, seed=derive_seed(seed, "standard"))
            chosen = torch.stack([answer for model, answer in scored if model.relation == "independent"])
            views.append(fisher_z(score_views(other, chosen, victim_answers, channel)))
        standards[channel] = standard_of(np.concatenate(views))
    return standards


def _folds(answered: Answered, *, seed: int) -> tuple[Answered, Answered]:
    """Divide models by family in two halves, each with about half of every kind; failing that, both are all of them."""
    places = divide_families([model for model, _ in answered], 2, seed=seed)
    halves = [[(model, answer) for model, answer in answered if places[model.family] == half] for half in (0, 1)]
    for relation in ("independent", "derived"):
        if not all(any(model.relation == relation for model, _ in half) for half in halves):
            return answered, answered
    return halves[0], halves[1]
