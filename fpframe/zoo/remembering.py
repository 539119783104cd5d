"""`remember_features`: what a public model makes of all images, in parallel, before models learn from it."""

from __future__ import annotations

from collections.abc import Sequence

from fpframe.base import Event, computing_on
from fpframe.executors import Executor, Job, Task
from fpframe.recipe import Run
from fpframe.zoo.beginnings import ALL, begins_at_base, word_of
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
    words = {word_of(name) for name in named if begins_at_base(name)} - {ALL}
    if not words:
        return []
    bodies = workspace.require_base().bodies
    # two words may share what is remembered; the first in order is what the next one goes on with
    wanted: dict[int, tuple[str, Remembered]] = {}
    for word, body in bodies.items():
        if word in words:
            wanted.setdefault(id(body), (word, body))
    found: dict[tuple[str, int], list[str]] = {}
    for word, body in wanted.values():
        for part in PARTS:
            for start in body.starts(part):
                if not body.is_stored(part, start):
                    found.setdefault((part, start), []).append(word)
    return [(part, start, tuple(each)) for (part, start), each in found.items()]


def remember_features(pieces: Sequence[Piece], workspace: Workspace, run: Run, executor: Executor) -> None:
    """Let images pass the layers that stay as they are, and keep what these make of them.

    Args:
        pieces: what `forgotten` found.
        workspace: data, base and store.
        run: who is told.
        executor: what runs it.

    Raises:
        ResourceError: a worker died again and again, or the disk is full; what is finished is kept.
    """
    tasks = [Task(key=f"{part} {start}", item=(part, start, words)) for part, start, words in pieces]
    done: list[Piece] = []

    def on_done(piece: Piece, _: None) -> None:
        done.append(piece)
        run.on_event(Event(task=TASK, done=len(done), total=len(tasks)))

    job = Job(work=_remember, state=workspace, pickled=workspace.pickled, unpickle=Workspace.unpickled)
    executor.run(job, tasks, on_done=on_done)


def _remember(workspace: Workspace, piece: Piece) -> None:
    part, start, words = piece
    base = workspace.require_base()
    with computing_on(workspace.device):
        for word in words:
            base.bodies[word].shard(part, start, base.blank(workspace.dataset, workspace.registry))
