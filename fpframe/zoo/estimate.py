"""How long each model will take on this machine, from a few timed steps of each architecture."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

import attrs
import torch
from torch import Tensor

from fpframe.base import computing_on
from fpframe.models import Classifier, Pixels, Training, train
from fpframe.rng import generator, threads
from fpframe.zoo.model import ZooModel
from fpframe.zoo.passes import frozen_passes, image_passes, makers_of_features
from fpframe.zoo.workspace import Pace, Workspace

#: Steps that are timed for each architecture; the median of several such trainings is taken.
TIMED_STEPS = 4
TIMED_TURNS = 3
#: Images that are asked at once, as when models are made.
ASKED = 512
#: Seconds of a first step from which on a single further step is timed.
SLOW = 0.5
#: Images that pass frozen layers at once.
PASSED = 16


def expected_seconds(
    models: Sequence[ZooModel], workspace: Workspace, *, planned: Sequence[ZooModel] = ()
) -> list[float]:
    """Return the seconds that making each model takes on one core.

    Attacks say how many images they learn from, each time counted. Every model labels the test images at the end. The
    workspace remembers the pace of architectures that were timed before. The first model that learns its last layers
    alone has what frozen layers make of all images to its account, unless one of `planned` is made already.
    """
    seconds = [_seconds(model, workspace) for model in models]
    makers = makers_of_features(models, planned, workspace)
    for row, model in enumerate(models):
        images = frozen_passes(model, workspace, first=model in makers[:1])
        if images:
            seconds[row] += images * _passing(model, workspace)
    return seconds


def _seconds(model: ZooModel, workspace: Workspace) -> float:
    passes = image_passes(model, workspace)
    if not passes:
        return 0.0
    pace = _pace(model, workspace)
    return pace.learning * passes + pace.asking * len(workspace.dataset.test)


def _pace(model: ZooModel, workspace: Workspace) -> Pace:
    """Return what the architecture of a model takes; it is timed once in a workspace."""
    # strangers differ in how weights move and images are varied, which takes little beside the network
    fitted = model.fitted
    alike = Training(
        epochs=1,
        batch_size=fitted.batch_size,
        memory_format=fitted.memory_format,
        precision=fitted.precision,
        side=fitted.side,
    )
    known = (workspace.resolve(model.lineage.architecture), alike)
    if known not in workspace.paces:
        workspace.paces[known] = _timed(model, workspace)
    return workspace.paces[known]


def _timed(model: ZooModel, workspace: Workspace) -> Pace:
    batch = model.fitted.batch_size
    images = workspace.parts.part(model.lineage.last.data)[: batch * TIMED_STEPS]
    once = attrs.evolve(model.fitted, epochs=1)
    pixels: Tensor | Pixels = images.stream
    asked: Tensor | Pixels = workspace.dataset.test[:ASKED].stream
    learning, asking = [], []
    with threads(1), computing_on(workspace.device):
        classifier = workspace.build(model.lineage.architecture, seed=0)
        if classifier.body is not None:
            # its last layer alone, on rows that stand for features: nothing is computed of all images, or stored
            classifier, row = last_layer(classifier)
            pixels, asked = (row.repeat(len(each), 1, 1, 1) for each in (pixels, asked))
        started = time.perf_counter()
        train(classifier, pixels[:batch], images.labels[:batch], once, seed=0)  # the first step is slower
        turns = TIMED_TURNS
        if time.perf_counter() - started > SLOW:
            # one more step says enough of a network that takes long, and does not take minutes itself
            turns, pixels, asked = 1, pixels[:batch], asked[:PASSED]
        for _ in range(turns):
            started = time.perf_counter()
            train(classifier, pixels, images.labels[: len(pixels)], once, seed=0)
            learned = time.perf_counter()
            classifier.logits(asked)
            learning.append(learned - started)
            asking.append(time.perf_counter() - learned)
    return Pace(learning=median(learning) / len(pixels), asking=median(asking) / len(asked))


def last_layer(classifier: Classifier) -> tuple[Classifier, torch.Tensor]:
    """Return the last layer of a network whose other layers are frozen, and a row ``(1, D, 1, 1)`` that it takes."""
    assert classifier.body is not None
    return classifier.behind_body(_new(classifier, 1), classifier.body)


def _passing(model: ZooModel, workspace: Workspace) -> float:
    """Return the seconds that an image takes to pass the frozen layers of a model."""
    classifier = workspace.build(model.lineage.architecture, seed=0)
    assert classifier.body is not None
    with threads(1), computing_on(workspace.device):
        classifier.body.features(classifier, _new(classifier, 2), batch_size=2)  # the first time is slower
        pixels = _new(classifier, PASSED)
        started = time.perf_counter()
        classifier.body.features(classifier, pixels, batch_size=PASSED)
        return (time.perf_counter() - started) / PASSED


def _new(classifier: Classifier, count: int) -> torch.Tensor:
    """Return pixels that are none of the data's: what layers make of these is not kept."""
    return torch.rand(count, *classifier.image_shape, generator=generator(0, "new images"))
