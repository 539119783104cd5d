"""How long each model will take on this machine, from a few timed steps of each architecture."""

from __future__ import annotations

import time
from collections.abc import Iterable

import attrs

from fpframe.base import computing_on
from fpframe.interfaces import AttackSimulator
from fpframe.models import train
from fpframe.rng import threads
from fpframe.zoo.lineage import TRAIN, component_of
from fpframe.zoo.model import ZooModel
from fpframe.zoo.workspace import Pace, Workspace

#: Steps that are timed for each architecture; the median of several such trainings is taken.
TIMED_STEPS = 4
TIMED_TURNS = 3
#: Images that are asked at once, as when models are made.
ASKED = 512


def expected_seconds(models: Iterable[ZooModel], workspace: Workspace) -> list[float]:
    """Return the seconds that making each model takes on one core.

    Attacks say how many images they learn from, each time counted. Every model labels the test images at the end. The
    workspace remembers the pace of architectures that were timed before.
    """
    return [_seconds(model, workspace) for model in models]


def _seconds(model: ZooModel, workspace: Workspace) -> float:
    passes = _image_passes(model, workspace)
    if not passes:
        return 0.0
    pace = _pace(model, workspace)
    return pace.learning * passes + pace.asking * len(workspace.dataset.test)


def _image_passes(model: ZooModel, workspace: Workspace) -> float:
    step, epochs = model.lineage.last, model.fitted.epochs
    if not step.data:
        return 0
    available = len(workspace.parts.part(step.data))
    if step.name == TRAIN:
        return available * epochs
    attack = component_of(step, workspace.registry)
    assert isinstance(attack, AttackSimulator)
    return attack.image_passes(available, epochs)


def _pace(model: ZooModel, workspace: Workspace) -> Pace:
    """Return what the architecture of a model takes; it is timed once in a workspace."""
    known = (workspace.resolve(model.lineage.architecture), attrs.evolve(model.fitted, epochs=1))
    if known not in workspace.paces:
        workspace.paces[known] = _timed(model, workspace)
    return workspace.paces[known]


def _timed(model: ZooModel, workspace: Workspace) -> Pace:
    batch = model.fitted.batch_size
    images = workspace.parts.part(model.lineage.last.data)[: batch * TIMED_STEPS]
    once = attrs.evolve(model.fitted, epochs=1)
    pixels, asked = images.stream, workspace.dataset.test[:ASKED].stream
    learning, asking = [], []
    with threads(1), computing_on(workspace.device):
        classifier = workspace.build(model.lineage.architecture, seed=0)
        train(classifier, pixels.part(slice(batch)), images.labels[:batch], once, seed=0)  # the first step is slower
        for _ in range(TIMED_TURNS):
            started = time.perf_counter()
            train(classifier, pixels, images.labels, once, seed=0)
            learned = time.perf_counter()
            classifier.logits(asked)
            learning.append(learned - started)
            asking.append(time.perf_counter() - learned)
    return Pace(learning=sorted(learning)[1] / len(images), asking=sorted(asking)[1] / len(asked))
