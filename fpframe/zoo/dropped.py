"""Models without weights: what they answered is kept, and what is known of them."""

from __future__ import annotations

from collections.abc import Iterable

from fpframe.zoo.keys import model_key
from fpframe.zoo.lineage import VICTIM, is_filter
from fpframe.zoo.make import DROPPED, dropped_error, has_weights, is_made, load_entry
from fpframe.zoo.model import ZooModel
from fpframe.zoo.workspace import Workspace


def drop_weights(model: ZooModel, workspace: Workspace) -> int:
    """Put an entry without weights in place of a stored model, and return the bytes that this frees.

    Whoever reads the model at the same time finds it whole or without weights, for an entry is replaced at once. A
    model that has no weights, or stands behind an answer filter, is left as it is.

    Raises:
        IntegrityError: the model is missing or damaged.
    """
    if is_filter(model.lineage.last, workspace.registry):
        return 0
    store, key = workspace.store, model_key(model, workspace)
    entry = load_entry(model, workspace)
    if not entry.tensors:
        return 0
    before = store.path(key).stat().st_size
    store.save(key, {}, {**entry.facts, **DROPPED}, sidecar=store.sidecar(key))
    return before - store.path(key).stat().st_size


def dropped_models(models: Iterable[ZooModel], workspace: Workspace) -> list[ZooModel]:
    """Return those of some models that are stored without their weights."""
    return [
        model
        for model in models
        if (workspace.victim is not None or model.lineage.steps[0].name != VICTIM)  # else there is no key to look for
        and is_made(model, workspace)
        and not has_weights(model, workspace)
    ]


def require_weights(models: Iterable[ZooModel], workspace: Workspace) -> None:
    """Refuse models that are stored without their weights, before anything is done with the others.

    Raises:
        IntegrityError: names the first of them.
    """
    for model in dropped_models(models, workspace):
        raise dropped_error(model, workspace)
