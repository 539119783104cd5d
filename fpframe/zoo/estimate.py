"""Say what is going to be trained and how long it will take, from a few timed steps on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence

import attrs

from fpframe.base import computing_on
from fpframe.interfaces import AttackSimulator
from fpframe.models import train
from fpframe.rng import threads
from fpframe.zoo.lineage import TRAIN, component_of
from fpframe.zoo.model import ZooModel
from fpframe.zoo.workspace import Workspace

#: Steps that are timed for each architecture.
TIMED_STEPS = 3


def estimate_seconds(models: Sequence[ZooModel], workspace: Workspace) -> float:
    """Return the seconds that making models takes on one core: each architecture is timed for a few steps.

    Attacks say how many images they learn from, each time counted.
    """
    per_image: dict[tuple[str, int], float] = {}
    total = 0.0
    for model in models:
        passes = _image_passes(model, workspace)
        if not passes:
            continue
        timed = (workspace.resolve(model.lineage.architecture), model.training.batch_size)
        if timed not in per_image:
            per_image[timed] = _seconds_per_image(model, workspace)
        total += per_image[timed] * passes
    return total


def _image_passes(model: ZooModel, workspace: Workspace) -> float:
    step, epochs = model.lineage.last, model.training.epochs
    if not step.data:
        return 0
    available = len(workspace.parts.part(step.data))
    if step.name == TRAIN:
        return available * epochs
    attack = component_of(step, workspace.registry)
    assert isinstance(attack, AttackSimulator)
    return attack.image_passes(available, epochs)


def _seconds_per_image(model: ZooModel, workspace: Workspace) -> float:
    batch = model.training.batch_size
    images = workspace.parts.part(model.lineage.last.data)[: batch * TIMED_STEPS]
    once = attrs.evolve(model.training, epochs=1)
    with threads(1), computing_on(workspace.device):
        classifier = workspace.build(model.lineage.architecture, seed=0)
        train(classifier, images.pixels[:batch], images.labels[:batch], once, seed=0)  # the first step is slower
        started = time.perf_counter()
        train(classifier, images.pixels, images.labels, once, seed=0)
    return (time.perf_counter() - started) / len(images)
