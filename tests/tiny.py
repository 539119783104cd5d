"""The `tiny` recipe in tests: an evaluation of it, a copy of its store, and an innocent suspect for it.

Not in a ``conftest.py``: there are several of them, and a name imported from ``conftest`` is one of whichever was
imported last.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import attrs
import torch

import fpframe
from fpframe.enrolment.calibration import Calibration
from fpframe.evaluation.evaluate_models import evaluate
from fpframe.evaluation.records import Evaluation
from fpframe.store.temporary import PREFIX

#: An innocent suspect that knows the digits, as a module: the nearest image of each class.
NEAREST = """
import torch
from sklearn.datasets import load_digits

images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
known = (images.flatten(1) / 16).float()


def predict(pixels):
    distances = torch.cdist(pixels.flatten(1), known)
    return torch.stack([-4 * distances[:, labels == label].amin(1) for label in range(10)], 1).softmax(1)
"""


def evaluate_tiny(enrolment: fpframe.Enrolment, store: Path, *, workers: int = 1) -> Evaluation:
    """Evaluate an enrolment on the test split of `tiny`."""
    [evaluation] = evaluate([enrolment], channels=("probs",), run=fpframe.Run(store=store, workers=workers))
    return evaluation


def larger(enrolment: fpframe.Enrolment, times: int) -> fpframe.Enrolment:
    """Return an enrolment with every calibration model several times, so that several suspects can share its level.

    Each time its answers are less sharp: those that answer alike would count once.
    """
    calibration, ability = enrolment.calibration, enrolment.ability
    models = tuple(
        attrs.evolve(model, name=f"{model.name} {turn}", family=f"{model.family} {turn}")
        for turn in range(times)
        for model in calibration.models
    )
    answers = {
        name: torch.cat([softened(rows, 1 + turn) for turn in range(times)])
        for name, rows in calibration.answers.items()
    }
    more = Calibration.of(
        models, answers, enrolment.encoders, enrolment.standards, enrolment.victim_answers, source=calibration.source
    )
    if ability is not None:
        ability = attrs.evolve(ability, models=ability.models.repeat(times, 1))
    fitness = enrolment.fitness and enrolment.fitness.calibrated_on({})  # nobody looked at these models
    return attrs.evolve(enrolment, calibration=more, ability=ability, fitness=fitness)


def softened(answers: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return probabilities as they are at another temperature; labels stay."""
    softer = answers.clamp(min=0) ** (1 / temperature)
    return softer / softer.sum(-1, keepdim=True)


def copy_store(store: Path, to: Path) -> Path:
    """Copy a store to which other tests may write meanwhile: what has a temporary name may be gone at any moment."""
    return Path(shutil.copytree(store, to, ignore=shutil.ignore_patterns(f"{PREFIX}*")))
