"""Let one contender enroll the victim and score models that it has not seen: by the recipe's splits, or by folds."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import torch
from torch import Tensor, nn

from fpframe.base import Listener, Note
from fpframe.enrolment import (
    Enrolment,
    Examination,
    Method,
    ZooAnswers,
    ask_zoo,
    fingerprint,
    fit_encoders,
    score_views,
)
from fpframe.errors import UsageError
from fpframe.evaluation import evaluate_zoo
from fpframe.interfaces import Encoder
from fpframe.zoo import Setting, Zoo, ZooModel, asking_seconds, divide_families


@attrs.frozen(kw_only=True, eq=False)
class Round:
    """What a contender found.

    Attributes:
        views: by channel, the view scores ``(M, V)`` of the models that it had not seen.
        verdicts: by channel, their verdicts; empty where nothing was calibrated.
        p_values: by channel, the p-values of these; empty where nothing was calibrated.
        queries: images that one of them was asked.
        enrol_seconds: what enrolling took, without the training of models.
        verify_seconds: what asking and scoring one model took; the median.
        doubts: what `fpframe.enroll` would refuse the enrolment for; empty where nothing was calibrated.
    """

    views: Mapping[str, np.ndarray]
    verdicts: Mapping[str, tuple[str, ...]]
    p_values: Mapping[str, tuple[float | None, ...]]
    queries: int
    enrol_seconds: float
    verify_seconds: float
    doubts: tuple[Note, ...] = ()


def by_splits(setting: Setting, examination: Examination, zoo: Zoo, *, on_event: Listener) -> Round:
    """Enroll on the fit and calibrate splits, and score and judge the test split."""
    method = examination.method
    known, unseen = (Zoo(tuple(zoo.of(*splits)), zoo.workspace) for splits in (("fit", "calibrate"), ("test",)))
    channels = setting.recipe.channels
    asked = ask_zoo(setting, method, known, keep=True, on_event=on_event)
    started = time.monotonic()
    enrolment = fingerprint(setting, method, known, asked, keep=True, on_event=on_event)
    fitting = time.monotonic() - started
    strangers = [each for channel in enrolment.encoders for each in enrolment.strangers(channel)]
    evaluations = evaluate_zoo(enrolment, unseen, channels, on_event=on_event)
    return Round(
        # models that get no verdict have scores all the same, and an area is one of scores
        views={each.channel: np.array([item.view_scores for item in each.suspects]) for each in evaluations},
        verdicts={each.channel: tuple(item.verdict.verdict for item in each.suspects) for each in evaluations},
        p_values={each.channel: tuple(item.verdict.p_value for item in each.suspects) for each in evaluations},
        queries=enrolment.queries.queries,
        enrol_seconds=_asking(asked, zoo, known.models) + fitting,
        verify_seconds=_verifying(asked, [item.seconds for item in evaluations[0].suspects], enrolment.encoders),
        doubts=(*examination.doubts(asked.questions, strangers), *_alike(enrolment)),
    )


def _alike(enrolment: Enrolment) -> tuple[Note, ...]:
    """Return why nobody could be accused, where calibration models answer alike; schemes are compared all the same."""
    try:
        enrolment.require_families()
    except UsageError as error:
        return (Note("calibration-repeats", f"{error}."),)
    return ()


def require_folds(models: Sequence[ZooModel], folds: int, *, seed: int) -> None:
    """Make sure that every fold has models to score, and that the others have both kinds to learn from.

    Raises:
        UsageError: says how many folds were wanted.
    """
    places = divide_families(models, folds, seed=seed)
    for fold in range(folds):
        inside = [model for model in models if places[model.family] == fold]
        outside = {model.relation for model in models if places[model.family] != fold}
        if not inside or outside != {"derived", "independent"}:
            raise UsageError(
                f"{len(places)} families of models are too few for {folds} folds: one has nothing to score, or the "
                "others nothing of a kind to learn from; lower --folds"
            )


def by_folds(setting: Setting, method: Method, zoo: Zoo, folds: int, *, on_event: Listener) -> Round:
    """Score every model by queries and encoders that were made without its fold; families are never divided.

    All models of the other folds are the fit split of a fold, whatever the recipe has them for.
    """
    recipe, registry = setting.recipe, setting.workspace.registry
    places = divide_families(zoo.models, folds, seed=recipe.seed)
    encoder = registry.build(Encoder, method.encoder.name, **method.encoder.params)
    views: dict[str, dict[int, np.ndarray]] = {channel: {} for channel in recipe.channels}
    enrol, verify, queries = [], [], 0
    for fold in range(folds):
        inside = [number for number, model in enumerate(zoo.models) if places[model.family] == fold]
        split = Zoo(tuple(_placed(model, places[model.family] == fold) for model in zoo.models), zoo.workspace)
        asked = ask_zoo(setting, method, split, keep=True, on_event=on_event)
        started = time.monotonic()
        encoders = fit_encoders(
            encoder, asked.fit, asked.victim, recipe.channels, seed=recipe.enrolment_seed, on_event=on_event
        )
        enrol.append(_asking(asked, zoo, split.of("fit")) + time.monotonic() - started)
        took = asking_seconds(zoo, asked.questions.queries, split.of("test"))
        verify.append(_verifying(asked, took, encoders))
        queries = asked.questions.queries.queries
        answers = torch.stack([asked.models[number][1] for number in inside])
        for channel in recipe.channels:
            scored = score_views(encoders[channel], answers, asked.victim, channel)
            views[channel] |= dict(zip(inside, scored, strict=True))
    return Round(
        views={channel: np.stack([rows[number] for number in sorted(rows)]) for channel, rows in views.items()},
        verdicts={},
        p_values={},
        queries=queries,
        enrol_seconds=float(np.mean(enrol)),
        verify_seconds=float(np.median(verify)),
    )


def _placed(model: ZooModel, held_out: bool) -> ZooModel:
    return attrs.evolve(model, split="test" if held_out else "fit")


def _asking(asked: ZooAnswers, zoo: Zoo, models: Sequence[ZooModel]) -> float:
    """Return what making the queries and asking some models took, in this run or in an earlier one."""
    return asked.seconds + sum(asking_seconds(zoo, asked.questions.queries, models))


def _verifying(asked: ZooAnswers, asking: Sequence[float], encoders: Mapping[str, nn.Module]) -> float:
    """Return what asking one model took, the median of the seconds of many, and scoring it."""
    channel, encoder = next(iter(encoders.items()))
    answers: Tensor = asked.victim.unsqueeze(0)
    started = time.monotonic()
    score_views(encoder, answers, asked.victim, channel)
    scoring = time.monotonic() - started
    return float(np.median(asking)) + scoring
