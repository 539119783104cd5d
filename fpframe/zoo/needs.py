"""`Needs`: what making models takes besides time: disk, memory, and operations, which a GPU does at some rate."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import attrs

from fpframe.models import Classifier, Fitted, Images, Training, copied, train
from fpframe.zoo.estimate import TIMED_STEPS, last_layer
from fpframe.zoo.footprint import Footprint, behind_frozen, counted, tensors_bytes
from fpframe.zoo.lineage import is_filter
from fpframe.zoo.model import ZooModel
from fpframe.zoo.passes import frozen_passes, image_passes, makers_of_features
from fpframe.zoo.workspace import Workspace

#: Operations that a GPU is taken to do in a second while it trains, in units of 10^12. It is an assumption.
GPU_TFLOPS = 10.0
#: Bytes of a float in memory and on disk, and of a label on disk.
_FLOAT, _LABEL = 4, 4
#: Bytes on disk beside the tensors of a model, and beside its labels: header, facts and notes on the machine.
_DESCRIBED, _LABELLED = 1600, 500
#: Bytes of a process that has opened libraries and data, on systems that do not tell what a process holds.
_LIBRARIES = 500 * 2**20


@attrs.frozen(kw_only=True)
class Needs:
    """What making models takes besides time.

    Attributes:
        weights: bytes on disk of their weights, and of their labels of the test images.
        features: bytes on disk of what frozen layers make of images.
        memory: bytes that a worker holds at its peak.
        flop: floating-point operations of all trainings.
    """

    weights: int = 0
    features: int = 0
    memory: int = 0
    flop: float = 0.0

    @classmethod
    def of(cls, missing: Sequence[ZooModel], planned: Sequence[ZooModel], workspace: Workspace) -> Needs:
        """Count one step of training of each architecture.

        Args:
            missing: models to make.
            planned: all models of the plan.
            workspace: data, store, and how networks are built.
        """
        holding = _held_now()
        known = workspace.footprints
        each = []
        makers = makers_of_features(missing, planned, workspace)
        for model in missing:
            architecture = workspace.resolve(model.lineage.architecture)
            if architecture not in known:
                known[architecture] = _footprint(model, workspace)
            makes, passes = model in makers, model in makers[:1]
            each.append(_needed(model, known[architecture], workspace, makes=makes, passes=passes))
        return cls(
            weights=sum(needs.weights for needs in each),
            features=sum(needs.features for needs in each),
            memory=holding + max(needs.memory for needs in each) if each else 0,
            flop=sum(needs.flop for needs in each),
        )

    @property
    def disk(self) -> int:
        """Bytes that will be stored."""
        return self.weights + self.features

    def in_words(self, tflops: float = GPU_TFLOPS) -> str:
        """Return all of it in one sentence, with the time of a GPU that does so many 10^12 operations in a second."""
        parts = f" ({size_in_words(self.features)} of them features of frozen layers)" if self.features else ""
        return (
            f"to be stored: {size_in_words(self.disk)}{parts}; memory: about {size_in_words(self.memory)} for each "
            f"worker; on a GPU: about {_duration(self.gpu_hours(tflops))}, for {self.flop:.3g} floating-point "
            f"operations at {tflops:g} TFLOP/s (computed, not measured)"
        )

    def gpu_hours(self, tflops: float = GPU_TFLOPS) -> float:
        """Return the hours that a GPU takes that does so many 10^12 operations in a second."""
        return self.flop / (tflops * 1e12) / 3600


def size_in_words(size: int) -> str:
    """Return a number of bytes in MiB or GiB."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.1f} MiB"


def _duration(hours: float) -> str:
    if hours >= 2:
        return f"{hours:.0f} hours"
    minutes = 60 * hours
    return f"{minutes:.0f} minutes" if minutes >= 2 else f"{60 * minutes:.2g} seconds"


def _needed(model: ZooModel, footprint: Footprint, workspace: Workspace, *, makes: bool, passes: bool) -> Needs:
    """Return what one model needs, in memory beside what a worker holds anyway.

    Args:
        model: the model.
        footprint: of its architecture.
        workspace: the data.
        makes: whether features of all images are kept for its sake.
        passes: whether all images pass the frozen layers for its sake.
    """
    labels = _LABEL * len(workspace.dataset.test) + _LABELLED
    if is_filter(model.lineage.last, workspace.registry):
        return Needs(weights=labels)
    train_set, test = workspace.dataset.train, workspace.dataset.test
    step = model.lineage.last
    learned = workspace.parts.part(step.data) if step.data else train_set[:0]
    batch = min(model.fitted.batch_size, len(learned))
    working = (footprint.learned * batch, footprint.asked * min(footprint.at_once, len(test)), footprint.passed)
    stored = footprint.stored + round(footprint.grown * len(learned))
    features = _FLOAT * footprint.row * (len(train_set) + len(test))
    return Needs(
        weights=stored + _DESCRIBED + labels,
        features=features if makes else 0,
        # images and features of the whole data lie in mapped files; what a model learns of features is gathered
        memory=_FLOAT * footprint.row * len(learned) + footprint.state + max(working),
        flop=footprint.learning * image_passes(model, workspace)
        + footprint.asking * len(test)
        + footprint.passing * frozen_passes(model, workspace, first=passes),
    )


def _footprint(model: ZooModel, workspace: Workspace) -> Footprint:
    """Return the footprint of a model's architecture."""
    training = model.fitted
    classifier = workspace.build(model.lineage.architecture, seed=0)
    few = workspace.parts.part(model.lineage.last.data or "victim")[: training.batch_size * TIMED_STEPS]
    if isinstance(classifier.module, Fitted):
        return _of_fitted(classifier, few, training)
    if classifier.body is None:
        return counted(classifier, few.pixels, few.labels, training)
    head, row = last_layer(classifier)
    learning = counted(head, row.repeat(2, 1, 1, 1), few.labels, training)
    whole = counted(copied(classifier).changing(), few.pixels, few.labels, training)
    return behind_frozen(learning, whole, row=row.numel())


def _of_fitted(classifier: Classifier, few: Images, training: Training) -> Footprint:
    """Return the footprint of a network that is fitted at once: what it keeps may grow with its images."""
    half, sizes = len(few) // 2, []
    for images in (few[:half], few):
        train(classifier, images.pixels, images.labels, training, seed=0)
        sizes.append(tensors_bytes(classifier.module.state_dict().values()))
    grown = (sizes[1] - sizes[0]) / (len(few) - half)
    return Footprint(stored=round(sizes[1] - grown * len(few)), grown=grown, state=sizes[1])


def _held_now() -> int:
    """Return the bytes that this process holds: libraries and data, which a worker opens too."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return _LIBRARIES
    return pages * os.sysconf("SC_PAGE_SIZE")
