"""`plan_zoo`: from a recipe to its models."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attrs
import numpy as np
from torch import nn

from fpframe.base import Listener, ignore
from fpframe.executors import Executor
from fpframe.models import Dataset
from fpframe.recipe import SPLITS, Recipe
from fpframe.registry import Registry, load_registry
from fpframe.store import Store
from fpframe.zoo.build import build_models
from fpframe.zoo.model import ZooModel
from fpframe.zoo.outlook import Outlook
from fpframe.zoo.planner import plan_models
from fpframe.zoo.rows import ZooRow, zoo_rows
from fpframe.zoo.victim import VictimRequest, open_workspace, prepare, train_victim
from fpframe.zoo.workspace import Workspace
from fpframe.zoo.zoo import Zoo


@attrs.frozen(kw_only=True, eq=False)
class ZooPlan:
    """The models that a recipe asks for, before they are built.

    Attributes:
        recipe: the recipe.
        models: the models, teachers before their students.
        workspace: data, store, plugins, and the victim if it is there already.
    """

    recipe: Recipe
    models: tuple[ZooModel, ...]
    workspace: Workspace

    def outlook(self) -> Outlook:
        """Return what building them would take."""
        return Outlook.of(self.models, self.workspace)

    def rows(self) -> list[ZooRow]:
        """Return what is known of each model; nothing is trained."""
        return zoo_rows(self.models, self.workspace)

    def build(self, *, executor: Executor | None = None, workers: int = 1, on_event: Listener = ignore) -> Zoo:
        """Train whatever the store does not hold, the recipe's victim first, and return the zoo.

        Interrupted at any moment and called again, it continues where it was.

        Args:
            executor: what runs the work; ``None`` takes `workers` processes, or this one where that is 1.
            workers: processes that train models.
            on_event: is told of every finished model.

        Raises:
            ResourceError: a worker died again and again, or the disk is full; what is finished is kept.
        """
        if self.workspace.victim is None:
            train_victim(self.recipe, self.workspace, on_event=on_event)
        return build_models(self.models, self.workspace, executor=executor, workers=workers, on_event=on_event)


def plan_zoo(
    recipe: Recipe | str | Path,
    dataset: Dataset | None = None,
    *,
    victim: nn.Module | str | None = None,
    weights: str | Path | None = None,
    backbone: str | None = None,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
    victim_indices: np.ndarray | None = None,
    data_root: str | Path | None = None,
    seed: int | None = None,
    splits: Iterable[str] = SPLITS,
    absent: Iterable[str] = (),
    store: Store | None = None,
    registry: Registry | None = None,
    on_event: Listener = ignore,
) -> ZooPlan:
    """Return the models that a recipe asks for; nothing is trained.

    Args:
        recipe: preset name, TOML file, or a recipe.
        dataset: the data; ``None`` opens the recipe's.
        victim: the owner's model, or its address; ``None`` is the one that the recipe trains.
        weights: file with its weights.
        backbone: address that builds its architecture anew, when it is a module.
        mean: per-channel mean that it subtracts from pixels.
        std: per-channel standard deviation that it divides them by.
        victim_indices: indices of the training images that it has seen.
        data_root: folder of data sets that are files.
        seed: decides every random choice; ``None`` takes the recipe's.
        splits: the splits to plan.
        absent: strata to leave out.
        store: where models are kept.
        registry: plugins; ``None`` takes the installed ones.
        on_event: is told of progress.

    Raises:
        UsageError: a split, a stratum or the victim's address is unknown.
        RecipeError: the recipe cannot be read, or lacks what a stratum needs.
        DataError: the data cannot be used.
        ModelError: the victim does not fit the data.
    """
    full = recipe if isinstance(recipe, Recipe) else Recipe.load(recipe)
    full = full if seed is None else attrs.evolve(full, seed=seed)
    registry = registry or load_registry()
    asked, missing = tuple(splits), tuple(absent)
    plan_models(full, registry, splits=asked, absent=missing)  # faults of a recipe show before anything is opened
    workspace = open_workspace(
        full, dataset, data_root=data_root, victim_indices=victim_indices, store=store, registry=registry
    )
    request = VictimRequest(
        victim=victim, weights=weights, backbone=backbone, mean=mean, std=std, indices=victim_indices
    )
    setting = prepare(request, full, workspace, absent=missing, may_train=False, on_event=on_event)
    models = plan_models(full, registry, splits=asked, absent=setting.absent)
    return ZooPlan(recipe=full, models=tuple(models), workspace=workspace)
