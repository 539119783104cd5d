"""Calibrate an enrolment on models of the user's own, as files: in place of those that calibrate, or beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import torch
from torch import Tensor

from fpframe.base import Note
from fpframe.decision import LEAST, require_alpha
from fpframe.enrolment.ability import Ability
from fpframe.enrolment.admission import require_able
from fpframe.enrolment.calibration import PLAIN, Calibration, CalibrationModel
from fpframe.enrolment.enrolment import Enrolment
from fpframe.enrolment.independents import (
    ask_independents,
    in_victims_order,
    names_once,
    refuse_known,
    refuse_unfit,
)
from fpframe.enrolment.method import units_of
from fpframe.enrolment.modelfolder import IndependentFile
from fpframe.enrolment.nearness import near_victim, usual_distance
from fpframe.enrolment.own_models import Independents
from fpframe.errors import UsageError
from fpframe.isolation import OpeningRequest, OwnProcess
from fpframe.models import Query
from fpframe.models.classes import ClassList
from fpframe.recipe import Run
from fpframe.zoo import FilterChain


def calibrate_on_files(
    enrolment: Enrolment,
    independents: Independents,
    files: list[IndependentFile],
    chains: tuple[FilterChain, ...],
    *,
    alpha: float,
    run: Run,
    few: bool = False,
) -> tuple[Calibration, Ability | None, tuple[Note, ...]]:
    """Return the calibration, how able its models are, and what should be known of them.

    Args:
        enrolment: what is calibrated.
        independents: how the models are opened, and whether they calibrate beside those that do so already.
        files: the models.
        chains: filters that they also answer through.
        alpha: the level that their number has to allow.
        run: where plugins are, and who is told of progress.
        few: whether they may be fewer than the level needs.

    Raises:
        UsageError: they are too few, or too few are as able as the victim; or those before were not asked through a
            filter.
        ModelError: one cannot be opened, does not fit, is not independent, or calibrates already.
    """
    before = enrolment.calibration if independents.add else attrs.evolve(enrolment.calibration, models=(), answers={})
    models: list[CalibrationModel] = names_once(files, taken=[model.name for model in before.models])
    if not few:
        require_alpha(alpha, units_of([*before.models, *models]))
    if independents.add:
        _refuse_unasked(before, chains)

    told = independents.classes
    count = 0 if told is None else len(told.said)
    request = OpeningRequest(
        num_classes=count or len(enrolment.classes),
        image_shape=enrolment.queries.image_shape,
        classes=tuple(enrolment.classes) if told is None else told.spoken,
        outputs=independents.outputs,
        preparation=independents.preparation,
        trust_code=independents.trust_code,
        checkpoint_key=independents.checkpoint_key,
    )
    with OwnProcess(run.registry, independents.limits) as apart:
        apart.prepare()

        def open_file(file: IndependentFile) -> Query:
            named = file.backbone or (independents.backbone if file.needs_backbone else None)
            return apart.open(file.path, _as_listed(attrs.evolve(request, backbone=named), file))

        def in_order(file: IndependentFile, query: Query) -> Query:
            own = file.listed is not None and file.listed.classes
            return in_victims_order(file, query, ClassList.of(own) if own else told, enrolment.classes)

        asked = ask_independents(
            files, open_file, in_order, enrolment.queries, enrolment.able, chains, on_event=run.on_event
        )
    known = enrolment.calibration.answers[PLAIN]
    # the first models of an enrolment have none to be compared with but one another; ability tells who does the task
    refuse_unfit(files, asked.plain, enrolment.victim_answers, known if len(known) else asked.plain)
    if independents.add:
        refuse_known(files, asked.plain, before)
    ability, rows = None, list(range(len(models)))
    if enrolment.ability is not None:
        names = [model.name for model in models]
        ability, rows = enrolment.ability.admitting(asked.labels, names)
        chosen = [*before.models, *(models[row] for row in rows)]
        if few:
            _require_some(chosen, ability, of=len(models))
        else:
            require_able(chosen, ability, wanted=[*before.models, *models], alpha=alpha)
        if independents.add:
            ability = ability.beside(enrolment.ability)
    prepared = f" (images prepared: {independents.preparation})" if str(independents.preparation) else ""
    source = f"{len(rows)} models of the folder '{independents.folder.resolve().name}'{prepared}"
    calibration = Calibration.of(
        [*before.models, *(models[row] for row in rows)],
        {text: torch.cat([*_one(before.answers, text), answers[rows]]) for text, answers in asked.answers.items()},
        enrolment.encoders,
        enrolment.standards,
        enrolment.victim_answers,
        source=f"{before.source}; {source}" if independents.add else source,
    )
    usual = usual_distance(enrolment.calibration.answers[PLAIN], enrolment.victim_answers)
    names = [models[row].name for row in rows]
    return calibration, ability, near_victim(names, asked.plain[rows], enrolment.victim_answers, usual=usual)


def _one(answers: Mapping[str, Tensor], text: str) -> list[Tensor]:
    return [answers[text]] if text in answers else []


def _as_listed(request: OpeningRequest, file: IndependentFile) -> OpeningRequest:
    """Return how a model is opened, by what a list says of it."""
    if file.listed is None:
        return request
    listed = file.listed
    classes: dict[str, Any] = {"num_classes": len(listed.classes), "classes": listed.classes} if listed.classes else {}
    return attrs.evolve(
        request,
        outputs=listed.outputs if listed.outputs != "auto" else request.outputs,
        preparation=listed.preparation if listed.input else request.preparation,
        **classes,
    )


def _require_some(chosen: Sequence[CalibrationModel], ability: Ability, *, of: int) -> None:
    """Refuse so few models that they have no spread.

    Raises:
        UsageError: says how many of them are as able as the victim.
    """
    if len(chosen) < LEAST:
        raise UsageError(
            f"of {of} independent models {len(chosen)} are as able as the victim (accuracy "
            f"{ability.victim_accuracy:.2f} on {len(ability.images)} images), and {LEAST} are the fewest that show how "
            "far such models are apart; add some"
        )


def _refuse_unasked(before: Calibration, chains: tuple[FilterChain, ...]) -> None:
    """Refuse to add models that answer through a filter that those before were not asked through.

    Raises:
        UsageError: names the filter.
    """
    for chain in chains:
        if chain.text not in before.answers:
            raise UsageError(
                f"the models that calibrate already were not asked through '{chain.text}'; calibrate on them with "
                "--through first, and add models then"
            )
