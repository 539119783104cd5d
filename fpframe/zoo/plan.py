"""`plan_zoo`: from a recipe to its models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from fpframe.models import Dataset
from fpframe.opening import Victim
from fpframe.recipe import SPLITS, Recipe, Run, explains_former
from fpframe.zoo.baserecipe import suited
from fpframe.zoo.build import build_models
from fpframe.zoo.lengths import find_lengths, wants_lengths, with_lengths
from fpframe.zoo.model import ZooModel
from fpframe.zoo.outlook import Outlook
from fpframe.zoo.planner import plan_models
from fpframe.zoo.rows import ZooRow, zoo_rows
from fpframe.zoo.setting import open_workspace, prepare, train_victim, with_able_models
from fpframe.zoo.workspace import Workspace
from fpframe.zoo.zoo import Zoo


@attrs.frozen(kw_only=True, eq=False)
class ZooPlan:
    """The models that a recipe asks for, before they are built.

    Attributes:
        recipe: the recipe.
        models: the models, teachers before their students.
        without: strata that are left out.
        workspace: data, store, plugins, and the victim if it is there already.
        run: how they are built.
        own: whether its owner brought the victim.
    """

    recipe: Recipe
    models: tuple[ZooModel, ...]
    without: tuple[str, ...] = ()
    workspace: Workspace
    run: Run
    own: bool = False

    def outlook(self) -> Outlook:
        """Return what building them would take."""
        return Outlook.of(self.models, self.workspace)

    def rows(self) -> list[ZooRow]:
        """Return what is known of each model; nothing is trained."""
        return zoo_rows(self.models, self.workspace)

    def build(self, *, need_weights: bool = False) -> Zoo:
        """Train whatever the store does not hold, the recipe's victim first, and return the zoo.

        Interrupted at any moment and called again, it continues where it was.

        Args:
            need_weights: whether models whose weights were dropped are trained again; their answers may be enough.

        Raises:
            ResourceError: a worker died again and again, or the disk is full; what is finished is kept.
        """
        if self.workspace.victim is None:
            train_victim(self.recipe, self.workspace, self.run)
        models: Sequence[ZooModel] = self.models
        if wants_lengths(self.recipe, own=self.own):
            lengths = find_lengths(self.recipe, self.workspace, self.run, without=self.without)
            splits = {model.split for model in models}
            recipe = with_lengths(self.recipe, lengths or ())
            models = plan_models(recipe, self.run.registry, splits=splits, without=self.without)
        return build_models(models, self.workspace, self.run, need_weights=need_weights)


@explains_former()
def plan_zoo(
    recipe: Recipe | str | Path,
    dataset: Dataset | str | None = None,
    *,
    victim: object = None,
    seed: int | None = None,
    splits: Iterable[str] = SPLITS,
    without: Iterable[str] = (),
    run: Run | None = None,
) -> ZooPlan:
    """Return the models that a recipe asks for; nothing is trained.

    Args:
        recipe: preset name, TOML file, or a recipe.
        dataset: the data, or its address; ``None`` takes the recipe's.
        victim: the owner's model, or its address; ``None`` is the one that the recipe trains.
        seed: decides every random choice; ``None`` takes the recipe's.
        splits: the splits to plan.
        without: strata to leave out.
        run: where models and data are, and how they are built later.

    Raises:
        UsageError: a split, a stratum or the victim's address is unknown.
        RecipeError: the recipe cannot be read, or lacks what a stratum needs.
        DataError: the data cannot be used.
        ModelError: the victim does not fit the data.
    """
    run, victim = run or Run(), Victim.of(victim)
    full = suited(Recipe.of(recipe, dataset=dataset, seed=seed), victim)
    asked, left_out = tuple(splits), tuple(without)
    plan_models(full, run.registry, splits=asked, without=left_out)  # a recipe's faults show before anything is opened
    with run.computing():
        workspace = open_workspace(full, dataset, run, victim_indices=None if victim is None else victim.indices)
        setting = prepare(victim, full, workspace, run, without=left_out, may_train=False)
        setting = with_able_models(setting, run, own=victim is not None, may_train=False)
    models = plan_models(setting.recipe, run.registry, splits=asked, without=setting.without)
    return ZooPlan(
        recipe=setting.recipe,
        models=tuple(models),
        without=setting.without,
        workspace=workspace,
        run=run,
        own=victim is not None,
    )
