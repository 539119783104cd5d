"""Get data and victim ready before anything long begins."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import torch
from torch import nn

from fpframe.base import Event, Listener, Note
from fpframe.errors import ModelError, UsageError
from fpframe.models import Classifier, Dataset, state_digest
from fpframe.opening import build_backbone, load_weights, open_dataset
from fpframe.recipe import Recipe
from fpframe.registry import Registry
from fpframe.store import Store
from fpframe.zoo.build import build_models, missing_models
from fpframe.zoo.model import victim_model
from fpframe.zoo.parts import partition
from fpframe.zoo.workspace import VictimHandle, Workspace

#: The stratum without which no model of the victim's own architecture is trained.
SAME_ARCHITECTURE = "same-data"


@attrs.frozen(kw_only=True, eq=False)
class VictimRequest:
    """The victim as the caller names it.

    Attributes:
        victim: a module or an address; ``None`` for the one that the recipe trains.
        weights: file with its weights.
        backbone: address that builds its architecture anew, when it is a module.
        mean: per-channel mean that it subtracts from pixels.
        std: per-channel standard deviation that it divides them by.
        indices: indices of the training images that it has seen.
    """

    victim: nn.Module | str | None = None
    weights: str | Path | None = None
    backbone: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    indices: np.ndarray | None = None

    def __attrs_post_init__(self) -> None:
        if self.victim is None and any(
            given is not None for given in (self.weights, self.indices, self.mean, self.std, self.backbone)
        ):
            raise UsageError(
                "weights, backbone, mean, std and victim indices belong to a victim of your own; name it with --victim"
            )


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
    caveats: tuple[Note, ...]

    @property
    def victim(self) -> VictimHandle:
        """The victim."""
        return self.workspace.require_victim()


def open_workspace(
    recipe: Recipe,
    dataset: Dataset | None,
    *,
    data_root: str | Path | None,
    victim_indices: np.ndarray | None,
    store: Store | None,
    registry: Registry,
) -> Workspace:
    """Open the data and divide it; there is no victim yet.

    Raises:
        DataError: the data cannot be used.
    """
    data = dataset or open_dataset(registry, recipe.dataset, data_root)
    parts = partition(data, recipe.partition, seed=recipe.seed, victim_indices=victim_indices)
    return Workspace(
        dataset=data,
        parts=parts,
        registry=registry,
        store=store or Store.default(),
        data_root=Path(data_root) if data_root is not None else None,
    )


def prepare(
    request: VictimRequest,
    recipe: Recipe,
    workspace: Workspace,
    *,
    absent: tuple[str, ...],
    may_train: bool = True,
    on_event: Listener,
) -> Setting:
    """Put the victim into the workspace; one that nobody gave is trained, or taken from the store.

    Where it is missing and `may_train` is not set, the workspace is left without a victim, for a plan.

    Raises:
        UsageError: the victim's address is unknown.
        ModelError: the victim does not fit the data.
    """
    caveats: list[Note] = []
    address: str | None
    given: Classifier | None = None
    if request.victim is None:
        address = workspace.victim_backbone = recipe.victim.backbone
        name = f"{address} (recipe {recipe.name})"
        if may_train or not missing_models([victim_model(recipe)], workspace):
            train_victim(recipe, workspace, on_event=on_event)
    else:
        given, address = _given(request, workspace)
        name = request.victim if isinstance(request.victim, str) else given.address
        if request.indices is None:
            caveats.append(
                Note(
                    "victim-images-not-named",
                    "Which images the victim was trained on was not said; the recipe's share for it was assumed to be "
                    "like them. Name them with --victim-indices.",
                )
            )
    if address is None or SAME_ARCHITECTURE in absent:
        # nothing of the victim's own architecture is trained then, students neither: a small one stands in for it
        absent = tuple(sorted({*absent, SAME_ARCHITECTURE}))
        address = recipe.victim.backbone
        caveats.append(
            Note(
                "victim-architecture-absent",
                f"No model of the victim's own architecture was trained; {address} stands in for it.",
            )
        )
    if given is not None:
        workspace.victim = VictimHandle.of(given, workspace.parts, backbone=address)
    return Setting(recipe=recipe, workspace=workspace, absent=absent, victim_name=name, caveats=tuple(caveats))


def train_victim(recipe: Recipe, workspace: Workspace, *, on_event: Listener) -> None:
    """Put the victim that the recipe trains into the workspace; one that is stored is not trained again."""
    plan = victim_model(recipe)
    text = f"victim: {recipe.victim.backbone}, trained by recipe '{recipe.name}'"
    on_event(Event(task="victim", kind="note", text=text))
    classifier = build_models([plan], workspace, on_event=on_event).load(plan)
    workspace.victim = VictimHandle.of(classifier, workspace.parts, backbone=recipe.victim.backbone)


def _given(request: VictimRequest, workspace: Workspace) -> tuple[Classifier, str | None]:
    """Return a victim that the user brings, and the address that builds its architecture anew, if there is one."""
    shape, classes = workspace.dataset.image_shape, workspace.dataset.num_classes
    backbone = request.backbone
    if isinstance(request.victim, str):
        classifier = build_backbone(workspace.registry, request.victim, classes, shape, seed=0)
        backbone = request.victim if _builds_anew(request, classifier, workspace) else None
    elif isinstance(request.victim, Classifier):
        classifier = request.victim
        if (classifier.num_classes, classifier.image_shape) != (classes, shape):
            raise ModelError(
                f"the victim is made for {classifier.num_classes} classes and images of shape {classifier.image_shape} "
                f"where the data has {classes} and {shape} ({workspace.dataset.address}); name the data that it was "
                "trained on"
            )
    else:
        assert request.victim is not None
        name = type(request.victim).__name__
        classifier = Classifier(request.victim, num_classes=classes, image_shape=shape, address=name)
    if request.mean is not None or request.std is not None:
        classifier = Classifier(
            classifier.module,
            num_classes=classes,
            image_shape=shape,
            mean=request.mean,
            std=request.std,
            address=classifier.address,
        )
    if request.weights is not None:
        load_weights(classifier, request.weights)
    answers = classifier.checked().logits(workspace.parts.pool.pixels[:16])
    if not bool(torch.isfinite(answers).all()):
        raise ModelError(f"the victim's answers are not finite ({classifier.address}); check its weights")
    return classifier, backbone


def _builds_anew(request: VictimRequest, classifier: Classifier, workspace: Workspace) -> bool:
    """Tell whether the victim's address gives fresh weights each time, as training models like it needs.

    Raises:
        ModelError: it does, but no weights of the victim were named.
    """
    assert isinstance(request.victim, str)
    data = workspace.dataset
    again = build_backbone(workspace.registry, request.victim, data.num_classes, data.image_shape, seed=1)
    fresh = state_digest(again.module) != state_digest(classifier.module)
    if fresh and request.weights is None:
        raise ModelError(
            f"'{request.victim}' names an architecture without weights; pass --weights FILE, or leave out --victim to "
            "have one trained"
        )
    return fresh
