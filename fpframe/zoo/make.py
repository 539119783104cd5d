"""Make one model of the zoo: the single place in which models are trained."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import attrs
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from fpframe.base import computing_device, computing_on, machine_profile
from fpframe.errors import IntegrityError, ModelError
from fpframe.interfaces import AnswerFilter, AttackContext, AttackSimulator, fenced, require
from fpframe.models import Classifier, Fitted, Query, asked_at_once, copied, gathered, train
from fpframe.rng import derive_seed, threads
from fpframe.store import Entry, mapping_into
from fpframe.zoo.beginnings import begins_at_base
from fpframe.zoo.chain import put_before
from fpframe.zoo.keys import labels_key, model_key, resolved
from fpframe.zoo.lineage import LABELS, TRAIN, component_of, is_filter
from fpframe.zoo.model import ZooModel
from fpframe.zoo.workspace import PROBE_IMAGES, Workspace

#: Stands among the facts of a model whose weights were dropped: its answers are all that is left of it.
DROPPED = {"weights": "dropped"}


def is_made(model: ZooModel, workspace: Workspace) -> bool:
    """Tell whether a model is in the store; one behind an answer filter has no weights, but labels."""
    filtered = is_filter(model.lineage.last, workspace.registry)
    return workspace.store.has((labels_key if filtered else model_key)(model, workspace))


def has_weights(model: ZooModel, workspace: Workspace) -> bool:
    """Tell whether a stored model has its weights; one behind an answer filter has none to lack."""
    if is_filter(model.lineage.last, workspace.registry):
        return True
    try:
        # the header alone, for a zoo may be large: what is left of a dropped model has no tensor
        with safe_open(workspace.store.path(model_key(model, workspace)), framework="pt") as file:
            return bool(file.keys())
    except (OSError, SafetensorError):
        return True  # that it is damaged is found out when it is loaded


def make_model(model: ZooModel, workspace: Workspace) -> str:
    """Train a model, store it, and return its key; one that is stored with its weights is not trained again.

    Raises:
        ModelError: its training diverged.
        IntegrityError: the model that it is made from is not stored, or has no weights.
    """
    key = model_key(model, workspace)
    if is_filter(model.lineage.last, workspace.registry):
        labels_on_test(model, workspace)
        return key
    stored = workspace.store.load(key)
    if stored is not None and not _is_dropped(stored):
        return key
    started = time.monotonic()
    # one thread: the same bits on any number of cores, and the model is the unit of parallelism
    with threads(1), mapping_into(workspace.store):
        classifier, queries = _train(model, workspace)
        if not bool(classifier.logits(workspace.dataset.test.stream[:PROBE_IMAGES]).isfinite().all()):
            raise ModelError(f"training diverged ({model.lineage}); lower learning_rate in [training] of the recipe")
        # before the model itself, so that whoever finds the model finds its labels too, also after a crash
        _save_labels(_labels(_query(classifier, workspace), workspace), model, workspace)
    facts = {"lineage": resolved(model.lineage, workspace).exact, "queries": queries, **_arithmetic(classifier, model)}
    sidecar = {"seconds": round(time.monotonic() - started, 3), "profile": machine_profile()}
    workspace.store.save(key, _own_tensors(classifier, model, workspace), facts, sidecar=sidecar)
    return key


def _own_tensors(classifier: Classifier, model: ZooModel, workspace: Workspace) -> dict[str, Tensor]:
    """Return the weights and buffers of a model without those that are still the public model's that it began as.

    Hundreds of models may differ from that one in their last layer alone. Their keys name it, so no other can be put in
    its place.
    """
    state = classifier.module.state_dict()
    shared = _shared_tensors(state, model, workspace)
    return {name: value for name, value in state.items() if name not in shared or not _equal(value, shared[name])}


def _shared_tensors(state: Mapping[str, Tensor], model: ZooModel, workspace: Workspace) -> dict[str, Tensor]:
    """Return the public model's tensors that a model may still have; in a network around it they have other names."""
    if not begins_at_base(workspace.resolve(model.lineage.architecture)):
        return {}
    return {name: value for name, value in workspace.require_base().weights.items() if name in state}


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(one.cpu(), other)


def load_model(model: ZooModel, workspace: Workspace) -> Classifier:
    """Return a stored model; of one behind an answer filter, the model itself.

    Raises:
        IntegrityError: it is not stored, its weights were dropped, or they do not fit its architecture.
    """
    if is_filter(model.lineage.last, workspace.registry):
        return load_model(model.parent, workspace) if model.parent else workspace.require_victim().classifier
    entry = load_entry(model, workspace)
    if _is_dropped(entry):
        raise dropped_error(model, workspace)
    classifier = _network(model, workspace)
    try:
        shared = _shared_tensors(classifier.module.state_dict(), model, workspace)
        classifier.module.load_state_dict({**shared, **entry.tensors})
    except RuntimeError as error:
        raise IntegrityError(
            f"what is stored for {model.lineage} does not fit its architecture ({model_key(model, workspace)[:12]}); "
            "remove it from the store"
        ) from error
    return _settled(classifier, workspace).eval()


def load_entry(model: ZooModel, workspace: Workspace) -> Entry:
    """Return what is stored of a trained model, with its weights or without; one that is damaged is trained again.

    Raises:
        IntegrityError: it is not stored, and nothing was built in this run.
    """
    key = model_key(model, workspace)
    entry = workspace.store.load(key)
    if entry is None and workspace.mends:  # it was there when the run began, and its damage shows only now
        with computing_on(workspace.device):
            make_model(model, workspace)
        entry = workspace.store.load(key)
    if entry is None:
        raise IntegrityError(
            f"{model.lineage} is missing from the store or damaged ({key[:12]}); run again to retrain it"
        )
    return entry


def dropped_error(model: ZooModel, workspace: Workspace) -> IntegrityError:
    """Return the error that the weights of a model are wanted and were dropped."""
    return IntegrityError(
        f"the weights of {model.lineage} were dropped by 'zoo build --keep answers' "
        f"({model_key(model, workspace)[:12]}); get them back with 'fpframe zoo build RECIPE --keep weights'"
    )


def query_model(model: ZooModel, workspace: Workspace) -> Query:
    """Return black-box access to a stored model, through the answer filters of its lineage.

    Raises:
        IntegrityError: it is not stored.
    """
    step = model.lineage.last
    if not is_filter(step, workspace.registry):
        return _query(load_model(model, workspace), workspace)
    answers = component_of(step, workspace.registry)
    assert isinstance(answers, AnswerFilter)
    return put_before(_ask(model.parent, workspace), answers, seed=step.seed)


def labels_on_test(model: ZooModel, workspace: Workspace) -> Tensor:
    """Return the labels ``(N,)`` that a stored model gives to the workspace's test images; they are stored too.

    Raises:
        IntegrityError: the model is not stored.
    """
    entry = workspace.store.load(labels_key(model, workspace))
    if entry is not None:
        return entry.tensors["labels"].long()
    with threads(1):
        labels = _labels(query_model(model, workspace), workspace)
    _save_labels(labels, model, workspace)
    return labels


def _is_dropped(entry: Entry) -> bool:
    return DROPPED.items() <= entry.facts.items()


def _labels(query: Query, workspace: Workspace) -> Tensor:
    # in whole batches, so that each is what it would be among all; no more than its answers is in memory
    pixels = workspace.dataset.test.stream
    batches = pixels.split(asked_at_once(pixels.shape[1:]))
    return gathered(len(pixels), (query(batch).argmax(1) for batch in batches))


def _save_labels(labels: Tensor, model: ZooModel, workspace: Workspace) -> None:
    key = labels_key(model, workspace)
    workspace.store.save(key, {"labels": labels.to(torch.int32)}, {}, sidecar={"profile": machine_profile()})


def _train(model: ZooModel, workspace: Workspace) -> tuple[Classifier, int]:
    """Return a new model, and how many queries it took."""
    step = model.lineage.last
    data = workspace.parts.part(step.data)
    if step.name == TRAIN:
        network = _network(model, workspace)
        seed = derive_seed(step.seed, "fit")
        return train(network, data.stream, data.labels, model.fitted, seed=seed), 0
    attack = component_of(step, workspace.registry)
    assert isinstance(attack, AttackSimulator)
    if attack.access == "weights":
        network, query = copied(_origin(model, workspace)).thawed(), None
    else:
        if step.backbone is None:
            raise ModelError(f"a student needs an architecture, such as {step.name}[paper:arc-b] ({model.lineage})")
        network, query = _network(model, workspace), _teacher(attack, model, workspace)
    pools = {address: workspace.pool(address) for address in attack.pools}
    companion = _companion(model, workspace) if attack.companion else None
    context = AttackContext(training=model.fitted, pools=pools, companion=companion)
    with fenced(attack, doing="making a student"):
        made = attack.simulate(network, query, data, context=context, seed=derive_seed(step.seed, "attack"))
    student = _settled(require(attack, made, Classifier, doing="making a student"), workspace)
    return student, query.spent if query is not None else 0


def _settled(network: Classifier, workspace: Workspace) -> Classifier:
    """Return a network, which takes for granted what its layers make of images as far as they are the public model's.

    More may have changed than was to learn, and of a copy of the victim less.
    """
    if workspace.base is None:
        return network
    settled = workspace.base.settled(network)
    if settled.body is None:
        workspace.base.recognise(settled)
    return settled


def _arithmetic(classifier: Classifier, model: ZooModel) -> dict[str, str]:
    """Return in which layout and precision a model was trained; nothing of one that was changed or fitted at once."""
    if not model.lineage.last.data or isinstance(classifier.module, Fitted):
        return {}
    return attrs.asdict(model.fitted.placement(classifier).arithmetic)


def _query(classifier: Classifier, workspace: Workspace) -> Query:
    """Return black-box access to a classifier; on CUDA to a copy there, for the victim itself stays on the CPU."""
    with computing_on(workspace.device):
        device = computing_device()
    if device.type == "cuda" and classifier.device.type == "cpu":
        classifier = copied(classifier).to(device)
    return classifier.as_query(batch_size=asked_at_once(classifier.image_shape))


def _ask(model: ZooModel | None, workspace: Workspace) -> Query:
    """Return black-box access to a model, or to the victim where there is none."""
    if model is None:
        return _query(workspace.require_victim().classifier, workspace)
    return query_model(model, workspace)


def _origin(model: ZooModel, workspace: Workspace) -> Classifier:
    """Return the model that the last step is done to."""
    return load_model(model.parent, workspace) if model.parent else workspace.require_victim().classifier


def _network(model: ZooModel, workspace: Workspace) -> Classifier:
    """Return a network of a model's architecture: a fresh one, or a copy of the victim where it is the victim's.

    Where thieves put models of their own beside a copy, it is what both are together.
    """
    step = model.lineage.last
    if step.backbone is not None:
        return workspace.build(step.backbone, derive_seed(step.seed, "weights"))
    below = _network(model.parent, workspace) if model.parent else copied(workspace.require_victim().classifier)
    attack = component_of(step, workspace.registry)
    if isinstance(attack, AttackSimulator) and attack.companion:
        with fenced(attack, doing="joining two models"):
            joined = attack.join(below, _companion(model, workspace))
        return require(attack, joined, Classifier, doing="joining two models")
    return below


def _companion(model: ZooModel, workspace: Workspace) -> Classifier:
    """Return a fresh network for the thief's own model beside a copy: of the architecture that the copy has."""
    return workspace.build(model.lineage.architecture, derive_seed(model.lineage.last.seed, "companion"))


def _teacher(attack: AttackSimulator, model: ZooModel, workspace: Workspace) -> Query | None:
    """Return what the thief may ask: probabilities, or labels only; nobody where true labels are in their place."""
    lineage = model.lineage.parent
    assert lineage is not None
    if lineage.last.name == LABELS:
        return None
    query = _ask(model.parent, workspace)
    if attack.access == "probs":
        return query

    def label(pixels: Tensor) -> Any:
        return query(pixels).argmax(1)

    return Query(label, num_classes=query.num_classes, outputs="labels", batch_size=query.batch_size)
