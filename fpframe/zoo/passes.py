"""How many images each model learns from, and how many pass the frozen layers of a public model for its sake."""

from __future__ import annotations

from collections.abc import Sequence

from fpframe.interfaces import AttackSimulator
from fpframe.zoo.beginnings import begins_at_base, word_of
from fpframe.zoo.lineage import LABELS, TRAIN, component_of
from fpframe.zoo.make import is_made
from fpframe.zoo.model import ZooModel
from fpframe.zoo.workspace import Workspace


def image_passes(model: ZooModel, workspace: Workspace) -> float:
    """Return how many images a model learns from, each time counted; attacks say it themselves."""
    step, epochs = model.lineage.last, model.fitted.epochs
    if not step.data:
        return 0
    available = len(workspace.parts.part(step.data))
    if step.name == TRAIN:
        return available * epochs
    attack = component_of(step, workspace.registry)
    assert isinstance(attack, AttackSimulator)
    return attack.image_passes(available, epochs)


def remembers(model: ZooModel, workspace: Workspace) -> bool:
    """Tell whether a model learns its last layers alone, from what the frozen ones before them made of images."""
    backbone = model.lineage.last.backbone
    if workspace.base is None or backbone is None or not begins_at_base(backbone):
        return False
    return word_of(backbone) in workspace.base.bodies


def makers_of_features(
    missing: Sequence[ZooModel], planned: Sequence[ZooModel], workspace: Workspace
) -> list[ZooModel]:
    """Return the models for whose sake features of all images are kept, one for each place at which layers are frozen.

    Images pass the frozen layers for the first of them; the others go on with what came out, and so do further models.

    Args:
        missing: models to make.
        planned: all models of the plan: if one of them is made already that remembers, nothing is left to pass.
        workspace: data, store and base.
    """
    made = {_body(model, workspace) for model in planned if remembers(model, workspace) and is_made(model, workspace)}
    found: dict[int, ZooModel] = {}
    for model in missing:
        if remembers(model, workspace) and _body(model, workspace) not in made:
            found.setdefault(_body(model, workspace), model)
    return list(found.values())


def _body(model: ZooModel, workspace: Workspace) -> int:
    return id(workspace.require_base().bodies[word_of(str(model.lineage.last.backbone))])


def frozen_passes(model: ZooModel, workspace: Workspace, *, first: bool) -> float:
    """Return how many images pass frozen layers while a model is made.

    Images that a thief makes are new to every student, and each passes them once.

    Args:
        model: the model.
        workspace: data and base.
        first: whether it is the first that `makers_of_features` named.
    """
    if not remembers(model, workspace):
        return 0
    everything = len(workspace.dataset.train) + len(workspace.dataset.test) if first else 0
    return everything + (0 if _as_found(model, workspace) else image_passes(model, workspace) / model.fitted.epochs)


def _as_found(model: ZooModel, workspace: Workspace) -> bool:
    """Tell whether a model learns images of the data as they are."""
    if model.lineage.last.name in (TRAIN, LABELS):
        return True
    attack = component_of(model.lineage.last, workspace.registry)
    return isinstance(attack, AttackSimulator) and attack.natural
