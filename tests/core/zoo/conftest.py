"""A victim on a few of the digits, and models of its zoo by their lineages."""

from __future__ import annotations

import attrs
import pytest

import fpframe
from fpframe.models.dataset import Dataset
from fpframe.models.training import Training, train
from fpframe.recipe.recipe import Partition
from fpframe.rng import threads
from fpframe.store.store import Store
from fpframe.zoo.parts import partition
from fpframe.zoo.workspace import VictimHandle, Workspace
from smallzoo import STUDENT, model_of


@pytest.fixture(scope="module")
def digits(digits) -> Dataset:
    """A few of the digits, so that nothing takes long: 120 images in each part."""
    return attrs.evolve(digits, train=digits.train[:360], test=digits.test[:200])


@pytest.fixture(scope="module")
def trained_victim(registry, digits) -> fpframe.Classifier:
    parts = partition(digits, Partition(), seed=0)
    victim = fpframe.build_backbone(registry, STUDENT, 10, (1, 8, 8), seed=1)
    with threads(1):
        train(victim, parts.victim.pixels, parts.victim.labels, Training(epochs=20, batch_size=16), seed=1)
    victim.zero_grad(set_to_none=True)
    return victim


@pytest.fixture
def workspace(registry, digits, trained_victim, tmp_path) -> Workspace:
    parts = partition(digits, Partition(), seed=0)
    space = Workspace(
        dataset=digits, parts=parts, registry=registry, store=Store(tmp_path / "store"), data_root=tmp_path
    )
    space.victim = VictimHandle.of(trained_victim, parts, backbone=STUDENT)
    return space


@pytest.fixture
def model(registry):
    """Return a model by its lineage, with the installed plugins."""
    return lambda text, **changes: model_of(text, registry, **changes)
