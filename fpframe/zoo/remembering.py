"""`remember_features`: what a public model makes of all images, in parallel, before models learn from it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fpframe.base import Event, computing_on
from fpframe.executors import Executor, Job, Task, open_executor
from fpframe.recipe import Recipe, Run
from fpframe.zoo.beginnings import begins_at_base, word_of
from fpframe.zoo.features import PARTS, Remembered
from fpframe.zoo.model import ZooModel
from fpframe.zoo.workspace import Workspace

#: What events call it.
TASK = "remembering features"

#: Some images of a part of the data, and the words whose layers make features of them.
Piece = tuple[str, int, tuple[str, ...]]


def forgotten(models: Sequence[ZooModel], workspace: Workspace) -> list[Piece]:
    """Return the images whose features are not in the store, and which models that begin at a base learn from."""
    named = {step.backbone for model in models for step in model.lineage.steps if step.backbone}
    return pieces({word_of(name) for name in named if begins_at_base(name)}, workspace)


def pieces(words: Collection[str], workspace: Workspace) -> list[Piece]:
    """Return the images whose features are not in the store, for networks of which some layers learn.

    Args:
        words: which layers, such as ``head``.
        workspace: data, base and store.
    """
    if workspace.base is None:
        return []
    # two words may share what is remembered; the first in order is what the next one goes on with
    wanted: dict[int, tuple[str, Remembered]] = {}
    for word, body in workspace.base.bodies.items():
        if word in words:
            wanted.setdefault(id(body), (word, body))
    found: dict[tuple[str, int], list[str]] = {}
    for word, body in wanted.values():
        for part in PARTS:
            for start in body.starts(part):
                if not body.is_stored(part, start):
                    found.setdefault((part, start), []).append(word)
    return [(part, start, tuple(each)) for (part, start), each in found.items()]


def words_of(recipe: Recipe) -> set[str]:
    """Return which layers learn in the networks of a recipe that begin at a base."""
    groups = (*recipe.independent, *recipe.derived)
    named = [name for group in groups for name in (*group.backbones, *group.test_backbones)]
    return {word_of(name) for name in named if begins_at_base(name)}


def remember_features(wanted: Sequence[Piece], workspace: Workspace, run: Run) -> None:
    """Let images pass the layers that stay as they are, and keep what these make of them.

    Args:
        wanted: what `pieces` found.
        workspace: data, base and store.
        run: what lets them pass, and who is told.

    Raises:
        ResourceError: a worker died again and again, or the disk is full; what is finished is kept.
    """
    tasks = [Task(key=f"{part} {start}", item=(part, start, words)) for part, start, words in wanted]
    done: list[Piece] = []

    def on_done(piece: Piece, _: None) -> None:
        done.append(piece)
        run.on_event(Event(task=TASK, done=len(done), total=len(tasks)))

    job = Job(work=_remember, state=workspace, pickled=workspace.pickled, unpickle=Workspace.unpickled)
    if tasks:
        executor_of(run, len(tasks)).run(job, tasks, on_done=on_done)


def executor_of(run: Run, tasks: int) -> Executor:
    """Return what carries out a number of tasks in a run."""
    if run.executor is not None:
        return run.executor
    return open_executor("processes" if min(run.workers, tasks) > 1 else "inline", workers=run.workers)


def _remember(workspace: Workspace, piece: Piece) -> None:
    part, start, words = piece
    base = workspace.require_base()
    with computing_on(workspace.device):
        for word in words:
            base.bodies[word].shard(part, start, base.blank(workspace.dataset, workspace.registry))
