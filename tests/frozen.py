"""The frozen enrolment of format 2 in tests: what an earlier release wrote, with the answers of four suspects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import torch

from fpframe.enrolment.ability import Ability
from fpframe.enrolment.calibration import Calibration
from fpframe.enrolment.enrolment import Enrolment
from fpframe.enrolment.fitness import Crafted, Fitness, StratumLook, VictimLook, ZooLook

FOLDER = Path(__file__).parent / "data" / "format-2"
ENROLMENT = FOLDER / "victim.enrolment"
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())


def answers(suspect: str) -> Path:
    """Return the file of recorded answers of a suspect."""
    return FOLDER / f"{suspect}.npz"


def able_enrolment() -> Enrolment:
    """Return the frozen enrolment as if ability had been measured, on its first view, and all were about as able.

    Models of other makers get another image wrong than the victim does, so that a suspect may get a few wrong too.
    """
    enrolment = Enrolment.open(ENROLMENT)
    truth = enrolment.victim_answers[0].argmax(1).to(torch.int16)
    models = truth.repeat(len(enrolment.calibration.models), 1)
    models[:, :1] = (truth[:1] + 1) % len(enrolment.classes)
    ability = Ability(images=enrolment.queries.images[0], truth=truth, victim=truth, models=models)
    return attrs.evolve(enrolment, ability=ability)


def modern_enrolment() -> Enrolment:
    """Return the same as this release would write it: of format 3, and with scores of today."""
    enrolment = able_enrolment()
    calibration = enrolment.calibration
    scored = Calibration.of(
        calibration.models,
        calibration.answers,
        enrolment.encoders,
        enrolment.standards,
        enrolment.victim_answers,
        source=calibration.source,
    )
    return attrs.evolve(enrolment, calibration=scored)


def examined_enrolment() -> Enrolment:
    """Return the same as if it had been looked at before it may accuse anybody."""
    enrolment = modern_enrolment()
    look = VictimLook(
        images=360,
        accuracy=enrolment.victim["accuracy"],
        guessing=0.1,
        class_means=0.8,
        pool_images=500,
        pool_accuracy=0.9,
        gradients=1.0,
    )
    strata = {
        name: StratumLook(models=count, lowest=0.85, median=0.9, highest=0.95)
        for name, count in enrolment.calibration.counts.items()
    }
    zoo = ZooLook(derived=2, independent=2, failed=0, agreement=0.8, strata=strata)
    crafted = (Crafted(perturbation="uap", moved=1.0, converged=1.0),)
    return attrs.evolve(enrolment, fitness=Fitness(victim=look, zoo=zoo, queries=crafted))
