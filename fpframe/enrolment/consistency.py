"""What members of an enrolment say of one another: shapes and numbers that must agree, kinds that follow from names.

Whoever sends an enrolment can compute every digest anew. So nothing that follows from other parts of it is believed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from fpframe.decision import Standard
from fpframe.enrolment.ability import Ability
from fpframe.enrolment.calibration import PLAIN, Calibration, CalibrationModel
from fpframe.enrolment.contents import Contents
from fpframe.enrolment.declared import Declared
from fpframe.errors import RecipeError
from fpframe.models import add_perturbation
from fpframe.registry import built_in_stratum
from fpframe.zoo import LABELS, TRAIN, VICTIM, read_steps

#: By how much the sum of probabilities may differ from one, as float16 rounds them.
_ROUNDING = 1e-2


def refuse_contradictions(contents: Contents, declared: Declared, *, needs_standards: bool) -> None:
    """Refuse an enrolment whose members do not fit together.

    Args:
        contents: the enrolment.
        declared: what its manifest says.
        needs_standards: whether there must be a standard for every channel; otherwise there may be none at all.

    Raises:
        ValueError: says what does not fit.
    """
    images, classes = contents.queries.images, len(contents.classes)
    views, queries = images.shape[:2]
    if not all(images.shape):
        raise ValueError(f"there are no query images: their shape is {tuple(images.shape)}")
    if queries != declared.queries:
        raise ValueError(f"a view has {queries} queries where its parts have {declared.queries}")
    _check_perturbations(contents, declared)
    _check_answers("the victim's answers", contents.victim_answers, (views, queries, classes))
    if bool(((contents.victim_answers.sum(-1) - 1).abs() > _ROUNDING).any()):
        raise ValueError("the victim's answers do not sum to one")
    _check_calibration(contents.calibration, contents.encoders, (views, queries, classes))
    for model in contents.calibration.models:
        check_kind(model)
    _check_standards(contents.standards, contents.encoders, views, needed=needs_standards)
    if contents.ability is not None:
        _check_ability(contents.ability, contents)


def check_kind(model: CalibrationModel) -> None:
    """Refuse a model whose lineage or family is that of another stratum than it is said to be of.

    Models that are named after a file, and strata of plugins, tell nothing of the kind.

    Raises:
        ValueError: names the model.
    """
    if not (model.name and model.stratum and model.family):
        raise ValueError("a calibration model has no name, stratum or family")
    first, *further = _steps(model.name) or [None]
    stratum = built_in_stratum(model.stratum)
    if stratum is None or first is None or first.name not in (TRAIN, LABELS, VICTIM):
        return
    trained = stratum.made in ("trained", "drawn")
    begins = LABELS if stratum.made == "imitating" else TRAIN
    data = first.settings.get("data", "victim")
    fits = first.name == begins and trained != bool(further) and (stratum.made != "trained" or data == stratum.data)
    kinds = stratum.sources or (stratum.name,)
    place = model.family.split("/")
    if not fits or (place[0] == "calibrate" and place[1:2] and place[1] not in kinds):
        raise ValueError(
            f"the calibration model '{model.name}' of family '{model.family}' is not of stratum '{model.stratum}'"
        )


def refuse_other_origins(models: Sequence[CalibrationModel], left_out: Sequence[str]) -> None:
    """Refuse models that were made from others of which the enrolment knows nothing, so that one is told as several.

    What is made from an independent model is of its family, and that one calibrates too, unless it was left out.

    Args:
        models: the calibration models of a recipe.
        left_out: names of those that do not calibrate.

    Raises:
        ValueError: names a model, and its family.
    """
    steps = {model.name: _steps(model.name) for model in models}
    trained = {model.family for model in models if len(steps[model.name]) == 1}
    missing = sum(len(found) == 1 and found[0].name == TRAIN for found in map(_steps, left_out))
    strange = {
        model.family: model.name
        for model in models
        if len(steps[model.name]) > 1 and steps[model.name][0].name == TRAIN and model.family not in trained
    }
    if len(strange) > missing:
        family, name = next(iter(strange.items()))
        raise ValueError(f"'{name}' is said to be of family '{family}', of which no trained model calibrates")


def refuse_other_pairs(contents: Contents) -> None:
    """Refuse images of which the second of a pair is not the first one with the perturbation of its part.

    Raises:
        ValueError: says of which part.
    """
    parts = contents.queries.parts
    if len(contents.deltas) != len(parts):  # some have a perturbation for each point, which is not kept
        return
    for number, (part, delta) in enumerate(zip(parts, contents.deltas, strict=True)):
        pairs = contents.queries.images[:, part.start : part.start + 2 * part.points]
        clean, moved = pairs.chunk(2, dim=1)
        if part.pair and not torch.equal(add_perturbation(clean, delta), moved):
            raise ValueError(f"the queries of part {number + 1} are not pairs of an image and the perturbed one")


def _steps(name: str) -> list[Any]:
    """Return the steps in the name of a model; none where it is named after a file."""
    try:
        return read_steps(name)
    except RecipeError:
        return []


def _check_perturbations(contents: Contents, declared: Declared) -> None:
    told = declared.victim.max_abs_delta
    if not len(contents.deltas) == len(told) == len(declared.victim.fooling_rate):
        raise ValueError(f"there are {len(contents.deltas)} perturbations where the manifest speaks of {len(told)}")
    for delta, largest in zip(contents.deltas, told, strict=True):
        if delta.shape != (1, *contents.queries.image_shape) or not _is_finite(delta):
            raise ValueError(f"a perturbation of shape {tuple(delta.shape)} is not one for the query images")
        if abs(float(delta.abs().max()) - largest) > 1e-6:
            raise ValueError(f"a perturbation is said to reach {largest:g}, and reaches {float(delta.abs().max()):g}")


def _check_answers(what: str, answers: Tensor, shape: tuple[int, ...]) -> None:
    if answers.shape != shape:
        raise ValueError(f"{what} have shape {tuple(answers.shape)} where {shape} is needed")
    if not _is_finite(answers) or bool(((answers < -_ROUNDING) | (answers > 1 + _ROUNDING)).any()):
        raise ValueError(f"{what} are not probabilities")


def _check_calibration(calibration: Calibration, channels: Iterable[str], shape: tuple[int, int, int]) -> None:
    filters, models = list(calibration.answers), len(calibration.models)
    if PLAIN not in filters:
        raise ValueError("the calibration models were not asked without a filter")
    for name, answers in calibration.answers.items():
        # what comes out of a filter may be anything finite
        if name == PLAIN:
            _check_answers("the answers of the calibration models", answers, (models, *shape))
        elif answers.shape != (models, *shape) or not _is_finite(answers):
            raise ValueError(f"the answers of the calibration models through '{name}' do not fit their number")
    _same("channels with scores", calibration.views, channels)
    for channel, by_filter in calibration.views.items():
        _same(f"filters with scores in '{channel}'", by_filter, filters)
        for views in by_filter.values():
            if views.shape != (models, shape[0]):
                raise ValueError(f"scores in '{channel}' have shape {views.shape} where {(models, shape[0])} is needed")


def _check_standards(standards: Mapping[str, Standard], channels: Iterable[str], views: int, *, needed: bool) -> None:
    if not standards and not needed:
        return
    _same("channels with standards", standards, channels)
    for channel, standard in standards.items():
        numbers = (*standard.means, *standard.deviations)
        if len(standard.means) != views or not all(map(math.isfinite, numbers)) or min(standard.deviations) <= 0:
            raise ValueError(f"the standard of '{channel}' is not one for {views} views")


def _check_ability(ability: Ability, contents: Contents) -> None:
    shape, models = (*ability.images.shape[1:],), len(contents.calibration.models)
    if ability.images.dtype != torch.uint8 or shape != contents.queries.image_shape or not len(ability.images):
        raise ValueError(f"ability was measured on images of shape {shape}, which are not like the queries")
    if ability.models.shape[:1] != (models,):
        raise ValueError(f"ability is told of {len(ability.models)} calibration models where there are {models}")
    for labels in (ability.truth, ability.victim, ability.models):
        whole = not labels.dtype.is_floating_point and not labels.dtype.is_complex
        if not whole or bool(((labels < 0) | (labels >= len(contents.classes))).any()):
            raise ValueError(f"ability is told in labels that are none of {len(contents.classes)} classes")
    if not all(isinstance(name, str) for name in ability.left_out):
        raise ValueError("the names of models that ability left out are not texts")


def _is_finite(tensor: Tensor) -> bool:
    return tensor.dtype.is_floating_point and bool(tensor.isfinite().all())


def _same(what: str, found: Iterable[str], expected: Iterable[str]) -> None:
    if set(found) != set(expected):
        raise ValueError(f"the {what} are {_listed(found)}, and not {_listed(expected)}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "none"
