"""Prepare a run: open the data, divide it, and get the victim ready, before anything long begins."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import torch
from torch import nn

from fpframe.address import Address
from fpframe.backbones import build_backbone
from fpframe.classifier import Classifier
from fpframe.dataset import Dataset
from fpframe.errors import ModelError, UsageError
from fpframe.events import Event, Listener
from fpframe.interfaces import DatasetSource
from fpframe.loading import load_registry
from fpframe.recipe import Recipe
from fpframe.registry import Registry
from fpframe.store import Store
from fpframe.weights import load_weights
from fpframe.zoo import VictimHandle, Workspace, build_zoo, partition, victim_model


#: The stratum without which no model of the victim's own architecture is trained.
SAME_ARCHITECTURE = "same-data"


@attrs.frozen(kw_only=True, eq=False)
class Setting:
    """What a run works on.

    Attributes:
        recipe: the full recipe.
        workspace: data, store, plugins and victim.
        absent: strata that are left out.
        victim_name: what the victim was called by.
        caveats: what had to be assumed.
    """

    recipe: Recipe
    workspace: Workspace
    absent: tuple[str, ...]
    victim_name: str
    caveats: tuple[str, ...]

    @property
    def victim(self) -> VictimHandle:
        """The victim."""
        return self.workspace.require_victim()


def prepare(
    victim: nn.Module | str | None,
    dataset: Dataset | str | None,
    recipe: Recipe,
    *,
    weights: str | Path | None,
    backbone: str | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    data_root: str | Path | None,
    victim_indices: np.ndarray | None,
    absent: tuple[str, ...],
    store: Store | None,
    registry: Registry | None,
    on_event: Listener,
) -> Setting:
    """Open data and victim; a victim that nobody gave is trained, or taken from the store.

    Raises:
        UsageError: options that do not go together.
        ModelError: the victim does not fit the data.
        DataError: the data cannot be used.
    """
    registry = registry or load_registry()
    data = dataset if isinstance(dataset, Dataset) else open_dataset(registry, dataset or recipe.dataset, data_root)
    parts = partition(data, recipe.partition, seed=recipe.seed, victim_indices=victim_indices)
    workspace = Workspace(dataset=data, parts=parts, registry=registry, store=store or Store.default())
    caveats: list[str] = []
    if victim is None:
        if weights is not None or victim_indices is not None:
            raise UsageError("weights and victim indices belong to a victim of your own; name it with --victim")
        plan = victim_model(recipe)
        on_event(Event(task="victim", kind="note", text=f"victim: {plan.backbone}, trained by recipe '{recipe.name}'"))
        zoo = build_zoo([plan], workspace, on_event=on_event)
        name = f"{plan.backbone} (recipe {recipe.name})"
        address: str | None = plan.backbone
        classifier = zoo.load(plan)
    else:
        classifier, address, name = _outside(victim, weights, backbone, mean, std, workspace)
        if victim_indices is None:
            caveats.append(
                "Which images the victim was trained on was not said; the recipe's share for it was assumed to be "
                "like them. Say it with --victim-indices."
            )
    if address is None or SAME_ARCHITECTURE in absent:
        # nothing of the victim's own architecture is trained then, students neither: a small one stands in for it
        absent = tuple(sorted({*absent, SAME_ARCHITECTURE}))
        address = recipe.victim.backbone
    workspace.victim = VictimHandle.of(classifier, parts, backbone=address)
    return Setting(recipe=recipe, workspace=workspace, absent=absent, victim_name=name, caveats=tuple(caveats))


def open_dataset(registry: Registry, address: str, root: str | Path | None) -> Dataset:
    """Open a data set by address.

    Raises:
        PluginError: no plugin knows the address.
        DataError: it is missing, empty or damaged.
    """
    parsed = Address.parse(address)
    name, rest = (parsed.prefix, parsed.rest) if parsed.prefix else (parsed.rest, "")
    return registry.build(DatasetSource, name).open(rest, root=Path(root) if root is not None else None)


def _outside(
    victim: nn.Module | str,
    weights: str | Path | None,
    backbone: str | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    workspace: Workspace,
) -> tuple[Classifier, str | None, str]:
    """Return a victim that the user brings, the address of its architecture, and its name."""
    shape, classes = workspace.dataset.image_shape, workspace.dataset.num_classes
    if isinstance(victim, str):
        classifier = build_backbone(workspace.registry, victim, num_classes=classes, image_shape=shape)
        if weights is None and Address.parse(victim).prefix != "python":
            raise ModelError(
                f"'{victim}' names an architecture without weights; pass --weights FILE, or leave out --victim to have "
                "one trained"
            )
        name = backbone = victim
    elif isinstance(victim, Classifier):
        name, classifier = victim.address or "Classifier", victim
    else:
        name = type(victim).__name__
        classifier = Classifier(victim, num_classes=classes, image_shape=shape, address=name)
    if mean is not None or std is not None:
        classifier = Classifier(
            classifier.module, num_classes=classes, image_shape=shape, mean=mean, std=std, address=name
        )
    if weights is not None:
        load_weights(classifier, weights)
    classifier.checked()
    answers = classifier.logits(workspace.parts.pool.pixels[:16])
    if not bool(torch.isfinite(answers).all()):
        raise ModelError(f"the victim's answers are not finite ({name}); check its weights")
    return classifier, backbone, name
