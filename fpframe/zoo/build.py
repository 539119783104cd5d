"""Build the zoo: train what is missing, in parallel, and go on where an earlier run was interrupted."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from fpframe.classifier import Classifier
from fpframe.events import Event, Listener, ignore
from fpframe.executors import run_inline, run_processes
from fpframe.loading import load_registry
from fpframe.registry import Registry
from fpframe.zoo.make import load_model, make_model, model_key
from fpframe.zoo.plan import ZooModel
from fpframe.zoo.workspace import Workspace


@attrs.frozen(eq=False)
class Zoo:
    """Models that are built, with the roles that they play.

    Attributes:
        models: the models.
        workspace: where they are kept.
    """

    models: tuple[ZooModel, ...]
    workspace: Workspace

    def load(self, model: ZooModel) -> Classifier:
        """Return one model; nothing is kept in memory, so that a zoo may be large."""
        return load_model(model, self.workspace)[0]

    def accuracy(self, model: ZooModel) -> float:
        """Return the share of the workspace's test images that a model gets right."""
        test = self.workspace.dataset.test
        return self.load(model).accuracy(test.pixels, test.labels)

    def of(self, *splits: str) -> list[ZooModel]:
        """Return the models of some splits, in the order of the plan."""
        return [model for model in self.models if model.split in splits]


def missing_models(models: Sequence[ZooModel], workspace: Workspace) -> list[ZooModel]:
    """Return the models, and the teachers that they need, that are not in the store; each once."""
    wanted = {model_key(model, workspace): model for model in _with_teachers(models)}
    return [model for key, model in wanted.items() if not workspace.store.has(key)]


def build_zoo(
    models: Sequence[ZooModel], workspace: Workspace, *, workers: int = 1, on_event: Listener = ignore
) -> Zoo:
    """Train the models that are missing and return the zoo.

    Args:
        models: the plan.
        workspace: data, victim and store.
        workers: worker processes; with 1 everything runs in this process.
        on_event: is told of every finished model.

    Raises:
        ResourceError: a worker died or the disk is full; what is finished is kept.
    """
    missing = missing_models(models, workspace)
    done, total = 0, len(missing)

    def on_done(model: ZooModel, key: str) -> None:
        nonlocal done
        done += 1
        seconds = workspace.store.sidecar(key).get("seconds", 0)
        on_event(Event(task="training models", done=done, total=total))
        on_event(Event(task="training models", kind="detail", text=f"{model.lineage}: {seconds:.1f} s"))

    payload = workspace.pickled() if workers > 1 and len(missing) > 1 else None
    if payload is None:
        run_inline(_make, missing, state=workspace, on_done=on_done)  # teachers stand before their students
    else:
        waves = _waves(missing, workspace)
        run_processes(_make, waves, setup=_set_up, payload=payload, workers=workers, on_done=on_done)
    return Zoo(tuple(models), workspace)


def _waves(models: Sequence[ZooModel], workspace: Workspace) -> list[list[ZooModel]]:
    """Return the models in waves: whoever waits for a model of one wave is left for a later one."""
    waves, left = [], list(models)
    while left:
        waiting = {model_key(model, workspace) for model in left}
        ready = [m for m in left if m.teacher is None or model_key(m.teacher, workspace) not in waiting]
        waves.append(ready)
        left = [model for model in left if model not in ready]
    return waves


def _make(workspace: Workspace, model: ZooModel) -> str:
    return make_model(model, workspace)


def _set_up(payload: bytes) -> Workspace:
    return Workspace.unpickled(payload, _registry)


def _registry(blocked: tuple[str, ...]) -> Registry:
    return load_registry(blocked=blocked)


def _with_teachers(models: Sequence[ZooModel]) -> list[ZooModel]:
    """Return the models, each after the teachers that it needs."""
    chains = []
    for model in models:
        chain: list[ZooModel] = []
        link: ZooModel | None = model
        while link is not None:
            chain.insert(0, link)
            link = link.teacher
        chains += chain
    return chains
