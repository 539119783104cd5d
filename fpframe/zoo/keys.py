"""Keys of models in the store: whatever changes a model's weights changes its key, and nothing else does."""

from __future__ import annotations

from typing import Any

import attrs

from fpframe.base import Address, content_key
from fpframe.interfaces import AttackSimulator, BackboneSource, Component
from fpframe.models import REVISION
from fpframe.opening import PYTHON
from fpframe.zoo.base import REVISION as BASE_REVISION
from fpframe.zoo.beginnings import begins_at_base
from fpframe.zoo.lineage import LABELS, TRAIN, VICTIM, Lineage, Step, component_of, has_companion
from fpframe.zoo.model import ZooModel
from fpframe.zoo.workspace import Workspace


def model_key(model: ZooModel, workspace: Workspace) -> str:
    """Return the content key of a model: a hash over its lineage, step by step, and over what the steps stand for.

    Raises:
        ModelError: it is derived, and there is no victim yet.
    """
    return _lineage_key(model.lineage, model, workspace)


def labels_key(model: ZooModel, workspace: Workspace) -> str:
    """Return the key of the labels that a model gives to the workspace's test images."""
    return content_key(["test labels", model_key(model, workspace), workspace.dataset.test.digest])


def resolved(lineage: Lineage, workspace: Workspace) -> Lineage:
    """Return a lineage with addresses in place of ``victim`` in brackets."""
    return Lineage(
        tuple(
            attrs.evolve(step, backbone=workspace.resolve(step.backbone)) if step.backbone else step
            for step in lineage.steps
        )
    )


def _lineage_key(lineage: Lineage, model: ZooModel, workspace: Workspace) -> str:
    step = lineage.last
    if step.name == VICTIM:
        return workspace.require_victim().key
    if step.name == LABELS:
        return LABELS
    identity: dict[str, Any] = {
        "parent": _lineage_key(lineage.parent, model, workspace) if lineage.parent else None,
        "seed": str(step.seed),
        "step": step.name,
    }
    if step.name != TRAIN:
        identity |= _component(step, workspace)
        if has_companion(step, workspace.registry):
            identity["companion"] = _backbone(workspace.resolve(lineage.architecture), workspace)
    if step.data:
        identity |= {
            "classes": workspace.dataset.num_classes,
            "data": workspace.parts.digest(step.data),
            "training": model.training_of(lineage).identity(),
            "training_revision": REVISION,
        }
    if step.backbone:
        identity |= _backbone(workspace.resolve(step.backbone), workspace)
    elif step.data and workspace.base is not None:
        identity["base_revision"] = BASE_REVISION  # layers that stay the public model's remember images
    return content_key(identity)


def _component(step: Step, workspace: Workspace) -> dict[str, Any]:
    component = component_of(step, workspace.registry)
    pools = component.pools if isinstance(component, AttackSimulator) else ()
    return {
        "component": component.spec(),
        "component_revision": component.revision,
        **_package(component),
        "pools": [workspace.pool(address).digest for address in pools],
    }


def _backbone(address: str, workspace: Workspace) -> dict[str, Any]:
    if begins_at_base(address):
        base = workspace.require_base()
        begun = {"base": base.digest, "base_revision": BASE_REVISION, "preparation": str(base.preparation)}
        return {**_architecture(base.address, workspace), **begun, "learns": address}
    geometry = str(workspace.geometry(address))
    return {**_architecture(address, workspace), **({"geometry": geometry} if geometry else {})}


def _architecture(address: str, workspace: Workspace) -> dict[str, Any]:
    prefix = Address.parse(address).prefix
    if prefix == PYTHON:
        # the architecture of a user's own module has no revision, and is edited
        return {"backbone": address, "structure": workspace.structure(address)}
    if prefix not in workspace.registry.names(BackboneSource.kind):
        return {"backbone": address, "backbone_revision": 0}
    source = workspace.registry.build(BackboneSource, prefix)
    return {"backbone": address, "backbone_revision": source.revision, **_package(source)}


def _package(component: Component) -> dict[str, str]:
    """Return the package of a component that is not fpframe's own: another package may use its name."""
    return {"package": component.package} if component.package else {}
