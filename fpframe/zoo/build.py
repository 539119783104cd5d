"""Build the zoo: train what is missing, in parallel, and go on where an earlier run was interrupted."""

from __future__ import annotations

from collections.abc import Sequence

from fpframe.base import Event, computing_on
from fpframe.executors import Job, Task
from fpframe.recipe import Run
from fpframe.zoo.costs import BuildClock
from fpframe.zoo.estimate import expected_seconds
from fpframe.zoo.keys import model_key
from fpframe.zoo.lineage import VICTIM
from fpframe.zoo.make import has_weights, is_made, make_model
from fpframe.zoo.model import ZooModel
from fpframe.zoo.remembering import executor_of, forgotten, remember_features
from fpframe.zoo.workspace import Workspace
from fpframe.zoo.zoo import Zoo

#: What events of a build call it.
TASK = "training models"


def missing_models(models: Sequence[ZooModel], workspace: Workspace, *, need_weights: bool = False) -> list[ZooModel]:
    """Return the models, and those that they are made from, that are not in the store; each once.

    Without a victim everything that is made from it is missing. Models whose weights were dropped are missing only to
    those who need weights.
    """
    everything = dict.fromkeys(ancestor for model in models for ancestor in model.chain)
    missing: dict[str, ZooModel] = {}
    for model in everything:
        if workspace.victim is None and model.lineage.steps[0].name == VICTIM:
            missing[model.lineage.exact] = model
        elif not is_made(model, workspace) or (need_weights and not has_weights(model, workspace)):
            missing.setdefault(model_key(model, workspace), model)
    return list(missing.values())


def build_models(
    models: Sequence[ZooModel], workspace: Workspace, run: Run | None = None, *, need_weights: bool = False
) -> Zoo:
    """Train the models that are missing and return the zoo.

    A model that is there and turns out to be damaged, now or when it is loaded, is trained again too.

    Args:
        models: the plan.
        workspace: data, victim and store.
        run: what trains them, and who is told of every finished model; ``None`` trains them in this process.
        need_weights: whether models whose weights were dropped are trained again; their answers may be enough.

    Raises:
        ResourceError: a worker died again and again, or the disk is full; what is finished is kept.
        IntegrityError: a missing model is made from one whose weights were dropped.
    """
    run = run or Run()
    workspace.mends = True
    missing = missing_models(models, workspace, need_weights=need_weights)
    keys = {model_key(model, workspace): model for model in missing}
    parents = {key: model_key(model.parent, workspace) if model.parent else "" for key, model in keys.items()}
    tasks = [
        Task(key=key, item=model, needs=frozenset({parents[key]} & keys.keys()), label=str(model.lineage))
        for key, model in keys.items()
    ]
    remember_features(forgotten(missing, workspace), workspace, run)
    expected = dict(zip(keys, _expected(missing, models, workspace), strict=True))
    clock = BuildClock(expected=expected, workers=max(1, min(run.workers, len(tasks))))

    def on_done(model: ZooModel, key: str) -> None:
        clock.finish(key)
        seconds = workspace.store.sidecar(key).get("seconds", 0)
        run.on_event(Event(task=TASK, done=len(clock.done), total=len(tasks), left=clock.left))
        run.on_event(Event(task=TASK, kind="detail", text=f"{model.lineage}: {seconds:.1f} s"))

    if tasks:
        job = Job(work=_make, state=workspace, pickled=workspace.pickled, unpickle=Workspace.unpickled)
        executor_of(run, len(tasks)).run(job, tasks, on_done=on_done)
    return Zoo(tuple(models), workspace)


def _expected(missing: Sequence[ZooModel], planned: Sequence[ZooModel], workspace: Workspace) -> list[float]:
    # to time steps for one model would only delay it
    return expected_seconds(missing, workspace, planned=planned) if len(missing) > 1 else [0.0] * len(missing)


def _make(workspace: Workspace, model: ZooModel) -> str:
    with computing_on(workspace.device):
        return make_model(model, workspace)
