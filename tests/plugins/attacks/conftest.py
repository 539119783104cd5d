"""Victims, the thief's images, and thieves by name."""

from __future__ import annotations

import copy

import pytest

import fpframe
from fpframe import Training, train
from fpframe.opening.backbones import build_backbone
from plugins.attacks.thieves_of_answers import ATTACKS, Trainings
from plugins.attacks.thieves_of_weights import CONTEXT, SHAPE


@pytest.fixture(scope="session")
def loot(digits):
    """The thief's images, which the victim has not seen."""
    return digits.train[700:]


@pytest.fixture(scope="session")
def blackbox(registry, digits):
    """The victim of thieves who only see answers."""
    network = build_backbone(registry, "paper:arc-a", num_classes=10, image_shape=(1, 8, 8), seed=0)
    half = digits.train[:700]
    return train(network, half.pixels, half.labels, Training(epochs=10, batch_size=32), seed=0)


@pytest.fixture
def student(registry):
    return build_backbone(registry, "paper:arc-e", num_classes=10, image_shape=(1, 8, 8), seed=1)


@pytest.fixture
def make(registry):
    """Return a maker of attacks from a key of `ATTACKS`."""

    def attack(key, **params):
        name = "knockoff" if key.startswith("knockoff") else key
        return registry.create("attack", name, **{**ATTACKS[key], **params})

    return attack


@pytest.fixture
def trainings(monkeypatch):
    """Watch every training; nothing is learned unless `really` is set."""
    watched = Trainings(really=False)
    monkeypatch.setattr(fpframe, "train", watched)
    return watched


@pytest.fixture(scope="session")
def fresh(registry):
    """Return a network of the victim's architecture with other weights."""
    return lambda: build_backbone(registry, "paper:arc-d", num_classes=10, image_shape=SHAPE, seed=7)


@pytest.fixture(scope="session")
def victim(registry, digits):
    """The victim of thieves who hold its weights."""
    network = build_backbone(registry, "paper:arc-d", num_classes=10, image_shape=SHAPE, seed=0)
    own = digits.train[:700]
    return fpframe.train(network, own.pixels, own.labels, fpframe.Training(epochs=10, batch_size=32), seed=0)


@pytest.fixture(scope="session")
def steal(registry, victim, loot):
    """Return a function that attacks a copy of the victim, or of another model."""

    def run(name, *, seed=0, model=victim, data=loot, **params):
        attack = registry.create("attack", name, **params)
        return attack.simulate(copy.deepcopy(model), None, data, context=CONTEXT, seed=seed)

    return run
