"""Say what is going to be trained and how long it will take, from a few timed steps on this machine."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

import attrs

from fpframe.events import Event, Listener
from fpframe.interfaces import AttackSimulator
from fpframe.rng import threads
from fpframe.training import train
from fpframe.zoo.build import missing_models
from fpframe.zoo.plan import ZooModel
from fpframe.zoo.workspace import Workspace

#: Steps that are timed for each architecture.
TIMED_STEPS = 3


def announce(models: Sequence[ZooModel], workspace: Workspace, *, workers: int, on_event: Listener) -> None:
    """Tell the listener how many models there will be, how many are stored already, and the time for the others."""
    missing = missing_models(models, workspace)
    roles = Counter(f"{m.stratum if m.relation == 'independent' else m.relation} ({m.split})" for m in models)
    listed = ", ".join(f"{count} {role}" for role, count in sorted(roles.items()))
    on_event(Event(task="zoo", kind="note", text=f"zoo: {len(models)} models: {listed}"))
    if not missing:
        on_event(Event(task="zoo", kind="note", text="all of them are in the store already"))
        return
    seconds = estimate_seconds(missing, workspace) / workers
    length = f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
    on_event(
        Event(
            task="zoo",
            kind="note",
            text=f"{len(missing)} are to be trained, about {length} with {workers} worker(s); "
            f"{len(models) - len(missing)} are in the store already",
        )
    )


def estimate_seconds(models: Sequence[ZooModel], workspace: Workspace) -> float:
    """Return the seconds that training takes on one core: each architecture is timed for a few steps."""
    per_step: dict[tuple[str, int], float] = {}
    total = 0.0
    for model in models:
        images = len(workspace.parts.part(model.data))
        batch = min(model.training.batch_size, images)
        timed = (workspace.resolve(model.backbone), batch)
        if timed not in per_step:
            per_step[timed] = _seconds_per_step(model, workspace, batch)
        steps = model.training.epochs * -(-images // batch)
        total += per_step[timed] * steps * _workload(model, workspace)
    return total


def _seconds_per_step(model: ZooModel, workspace: Workspace, batch: int) -> float:
    images = workspace.parts.part(model.data)[: batch * TIMED_STEPS]
    once = attrs.evolve(model.training, epochs=1, batch_size=batch)
    with threads(1):
        classifier = workspace.build(model.backbone, seed=0)
        train(classifier, images.pixels[:batch], images.labels[:batch], once, seed=0)  # the first step is slower
        started = time.perf_counter()
        train(classifier, images.pixels, images.labels, once, seed=0)
    return (time.perf_counter() - started) / max(1, len(images) // batch)


def _workload(model: ZooModel, workspace: Workspace) -> float:
    """Return how many images the model sees in an epoch, as a multiple of its share of the data."""
    if model.attack is None:
        return 1.0
    attack = workspace.registry.build(AttackSimulator, model.attack.name, **model.attack.params)
    images = len(workspace.parts.part(model.data))
    return attack.images_per_epoch(images) / images
