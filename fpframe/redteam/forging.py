"""Tricks with what is in the enrolment: encoders, calibration models and scores."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import attrs
import torch
from torch import Tensor

from fpframe.enrolment import PLAIN, Calibration, CalibrationModel, Enrolment
from fpframe.redteam.attempt import Said
from fpframe.redteam.stage import Stage


def remove_models(stage: Stage) -> Said:
    """Leave a calibration model out after the enrolment was sealed."""
    return _after_sealing(stage, "fewer", _without_first(stage.enrolment))


def edit_encoder(stage: Stage) -> Said:
    """Fit the encoder to the suspect after the enrolment was sealed."""
    return _after_sealing(stage, "refitted", _refitted(stage.enrolment))


def edit_scores(stage: Stage) -> Said:
    """Write lower scores of the calibration models, before the enrolment is sealed."""
    calibration = stage.enrolment.calibration
    views = {
        channel: {name: scores - 0.5 for name, scores in by_filter.items()}
        for channel, by_filter in calibration.views.items()
    }
    forgery = attrs.evolve(stage.enrolment, calibration=attrs.evolve(calibration, views=views))
    return stage.checked(stage.claim(stage.forged("edited", forgery)))


def remove_models_early(stage: Stage) -> Said:
    """Leave a calibration model out before the enrolment is sealed."""
    return stage.checked(stage.claim(stage.forged("fewer-early", _without_first(stage.enrolment))))


def edit_encoder_early(stage: Stage) -> Said:
    """Fit the encoder to the suspect before the enrolment is sealed."""
    return stage.checked(stage.claim(stage.forged("refitted-early", _refitted(stage.enrolment))))


def make_up_answers(stage: Stage) -> Said:
    """Let all calibration models answer as the least like the victim does, before the enrolment is sealed."""
    sound = stage.enrolment
    calibration = sound.calibration
    answers = dict(calibration.answers)
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(answers[PLAIN].shape[-1], generator=generator)
    answers[PLAIN] = 0.9 * answers[PLAIN] + 0.1 * answers[PLAIN][..., order]
    forgery = attrs.evolve(sound, calibration=_calibration(sound, calibration.models, answers))
    return stage.checked(stage.claim(stage.forged("made-up", forgery)))


def _after_sealing(stage: Stage, name: str, forgery: Enrolment) -> Said:
    parts = stage.parts()
    return stage.checked(stage.members(attrs.evolve(parts, enrolment=stage.forged(name, forgery))))


def _without_first(sound: Enrolment) -> Enrolment:
    answers = {name: rows[1:] for name, rows in sound.calibration.answers.items()}
    ability = sound.ability
    return attrs.evolve(
        sound,
        calibration=_calibration(sound, sound.calibration.models[1:], answers),
        ability=None if ability is None else attrs.evolve(ability, models=ability.models[1:]),
    )


def _refitted(sound: Enrolment) -> Enrolment:
    encoders = {name: copy.deepcopy(encoder) for name, encoder in sound.encoders.items()}
    with torch.no_grad():
        for encoder in encoders.values():
            for weight in [*encoder.parameters(), *encoder.buffers()]:
                if weight.is_floating_point():
                    weight.mul_(1.01)
    changed = attrs.evolve(sound, encoders=encoders)
    return attrs.evolve(changed, calibration=_calibration(changed, sound.calibration.models, sound.calibration.answers))


def _calibration(sound: Enrolment, models: Sequence[CalibrationModel], answers: Mapping[str, Tensor]) -> Calibration:
    return Calibration.of(
        models, answers, sound.encoders, sound.standards, sound.victim_answers, source=sound.calibration.source
    )
