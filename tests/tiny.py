"""The `tiny` recipe in tests: an evaluation of it, a copy of its store, and an innocent suspect for it.

Not in a ``conftest.py``: there are several of them, and a name imported from ``conftest`` is one of whichever was
imported last.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import fpframe
from fpframe.evaluation.evaluate_models import evaluate
from fpframe.evaluation.records import Evaluation
from fpframe.store.temporary import PREFIX

#: An innocent suspect that knows the digits, as a module: the nearest mean image of a class.
NEAREST_MEAN = """
import torch
from sklearn.datasets import load_digits

images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
means = torch.stack([images[labels == label].mean(0) / 16 for label in range(10)]).float()


def predict(pixels):
    return (-4 * torch.cdist(pixels.flatten(1), means)).softmax(1)
"""


def evaluate_tiny(enrolment: fpframe.Enrolment, store: Path, *, workers: int = 1) -> Evaluation:
    """Evaluate an enrolment on the test split of `tiny`."""
    [evaluation] = evaluate([enrolment], channels=("probs",), run=fpframe.Run(store=store, workers=workers))
    return evaluation


def copy_store(store: Path, to: Path) -> Path:
    """Copy a store to which other tests may write meanwhile: what has a temporary name may be gone at any moment."""
    return Path(shutil.copytree(store, to, ignore=shutil.ignore_patterns(f"{PREFIX}*")))
