"""Make one model of the zoo: the single place in which models are trained."""

from __future__ import annotations

import copy
import time
from typing import Any

import attrs

from fpframe.address import Address
from fpframe.backbones import PYTHON
from fpframe.classifier import Classifier
from fpframe.digest import content_key
from fpframe.errors import IntegrityError, ModelError
from fpframe.interfaces import AttackContext, AttackSimulator, BackboneSource
from fpframe.profile import machine_profile
from fpframe.query import Query
from fpframe.rng import derive_seed, threads
from fpframe.store import Entry
from fpframe.training import REVISION, train
from fpframe.zoo.plan import ZooModel
from fpframe.zoo.workspace import PROBE_IMAGES, Workspace


def model_key(model: ZooModel, workspace: Workspace) -> str:
    """Return the content key: whatever changes the weights changes it, and nothing else does."""
    identity: dict[str, Any] = {
        "attack": _attack(model, workspace).spec() if model.attack else None,
        "attack_revision": _attack(model, workspace).revision if model.attack else None,
        "backbone": workspace.resolve(model.backbone),
        "backbone_revision": _backbone_revision(workspace.resolve(model.backbone), workspace),
        "classes": workspace.dataset.num_classes,
        "data": workspace.parts.part(model.data).digest,
        "seed": str(model.seed),
        "teacher": _teacher_key(model, workspace),
        "training": attrs.asdict(model.training),
        "training_revision": REVISION,
    }
    if Address.parse(identity["backbone"]).prefix == PYTHON:
        # the architecture of a user's own module has no revision, and is edited
        identity["structure"] = workspace.structure(identity["backbone"])
    return content_key(identity)


def make_model(model: ZooModel, workspace: Workspace) -> str:
    """Train a model, store it, and return its key; a model that is stored already is not trained again."""
    key = model_key(model, workspace)
    if workspace.store.load(key) is not None:
        return key
    started = time.monotonic()
    data = workspace.parts.part(model.data)
    facts: dict[str, Any] = {"lineage": model.lineage, "queries": 0}
    # one thread: the same bits on any number of cores, and the model is the unit of parallelism
    with threads(1):
        classifier = _student(model, workspace)
        if model.attack is None:
            train(classifier, data.pixels, data.labels, model.training, seed=derive_seed(model.seed, "fit"))
        else:
            attack = _attack(model, workspace)
            query = _access(attack, _teacher(model, workspace))
            context = AttackContext(training=model.training)
            seed = derive_seed(model.seed, "attack")
            classifier = attack.simulate(classifier, query, data, context=context, seed=seed)
            facts["queries"] = query.spent if query is not None else 0
        test = workspace.dataset.test
        if not bool(classifier.logits(test.pixels[:PROBE_IMAGES]).isfinite().all()):
            raise ModelError(f"training diverged ({model.lineage}); lower learning_rate in [training] of the recipe")
        facts["accuracy"] = round(classifier.accuracy(test.pixels, test.labels), 6)
    sidecar = {
        "seconds": round(time.monotonic() - started, 3),
        "profile": machine_profile(),
        "images": len(data),
    }
    workspace.store.save(key, dict(classifier.module.state_dict()), facts, sidecar=sidecar)
    return key


def load_model(model: ZooModel, workspace: Workspace) -> tuple[Classifier, Entry]:
    """Return a stored model and what is known of it.

    Raises:
        IntegrityError: it is not stored, or what is stored does not fit its architecture.
    """
    key = model_key(model, workspace)
    entry = workspace.store.load(key)
    if entry is None:
        raise IntegrityError(
            f"{model.lineage} is missing from the store or damaged ({key[:12]}); run again to retrain it"
        )
    classifier = _student(model, workspace)
    try:
        classifier.module.load_state_dict(entry.tensors)
    except RuntimeError as error:
        raise IntegrityError(
            f"what is stored for {model.lineage} does not fit its architecture ({key[:12]}); remove it from the store"
        ) from error
    return classifier.eval(), entry


def _attack(model: ZooModel, workspace: Workspace) -> AttackSimulator:
    assert model.attack is not None
    return workspace.registry.build(AttackSimulator, model.attack.name, **model.attack.params)


def _student(model: ZooModel, workspace: Workspace) -> Classifier:
    """Return the network that training or an attack starts from; a thief with the weights has a copy of the teacher."""
    if model.attack is not None and _attack(model, workspace).access == "weights":
        return copy.deepcopy(_teacher(model, workspace))
    return workspace.build(model.backbone, derive_seed(model.seed, "weights"))


def _access(attack: AttackSimulator, teacher: Classifier) -> Query | None:
    """Return what the thief may ask: nothing where it has the weights, else probabilities, or labels only."""
    if attack.access == "weights":
        return None
    if attack.access == "probs":
        return teacher.as_query(batch_size=512)
    return Query(
        lambda pixels: teacher.logits(pixels).argmax(1),
        num_classes=teacher.num_classes,
        outputs="labels",
        batch_size=512,
    )


def _backbone_revision(backbone: str, workspace: Workspace) -> int:
    prefix = Address.parse(backbone).prefix
    if prefix not in workspace.registry.names(BackboneSource.kind):
        return 0  # an architecture from the user's own module
    return int(workspace.registry.get(BackboneSource.kind, prefix).revision)


def _teacher_key(model: ZooModel, workspace: Workspace) -> str | None:
    if model.attack is None:
        return None
    return workspace.require_victim().key if model.teacher is None else model_key(model.teacher, workspace)


def _teacher(model: ZooModel, workspace: Workspace) -> Classifier:
    if model.teacher is None:
        return workspace.require_victim().classifier
    return load_model(model.teacher, workspace)[0]
