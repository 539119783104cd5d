"""Everything that contenders have in common: the data, the victim, and the models that they will score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from fpframe.comparison.contenders import Contender
from fpframe.comparison.kinds import kind_of
from fpframe.comparison.records import Questioned
from fpframe.comparison.rounds import require_folds
from fpframe.enrolment import Examination, check_pool, plan_enrolment, top_up, victim_labels
from fpframe.errors import DataError
from fpframe.models import Dataset
from fpframe.opening import Victim
from fpframe.recipe import Recipe, Run
from fpframe.zoo import (
    Setting,
    Zoo,
    ZooModel,
    announce,
    build_models,
    open_workspace,
    plan_models,
    prepare,
    with_able_models,
)


@attrs.frozen(kw_only=True, eq=False)
class Stage:
    """What contenders have in common.

    Attributes:
        setting: recipe, data and victim.
        zoo: the recipe's models of all splits, built.
        folds: number of folds of a cross-fit; ``None`` where the recipe's splits are used.
        examinations: by contender, whether it is fit to accuse anybody.
    """

    setting: Setting
    zoo: Zoo
    folds: int | None
    examinations: Mapping[str, Examination]

    def questioned(self) -> tuple[Questioned, ...]:
        """Return the models that every contender scores.

        Raises:
            DataError: every theft among them has failed.
        """
        models = tuple(
            Questioned(
                name=str(model.lineage),
                lineage=model.lineage.exact,
                relation=model.relation,
                kind=kind_of(model, self.setting.workspace.registry),
                family=model.family,
                split=model.split,
                failed=self.zoo.facts(model).failed,
                zoo=self.setting.recipe.seed,
            )
            for model in _scored(self.zoo.models, self.folds)
        )
        if all(model.failed for model in models if model.relation == "derived"):
            raise DataError(
                f"every theft of recipe '{self.setting.recipe.name}' has failed, so there is nothing to find"
            )
        return models


def set_stage(
    recipe: Recipe,
    contenders: Sequence[Contender],
    run: Run,
    *,
    victim: Victim | None,
    dataset: Dataset | str | None,
    without: tuple[str, ...],
    folds: int | None,
    accept: frozenset[str],
) -> Stage:
    """Open data and victim, make sure that every contender can work with them, and train what is missing.

    Raises:
        UsageError: there are too few models for the folds, or an enrolment would not be fit to accuse anybody, and that
            is not accepted; nothing was trained then, unless it is the zoo that is unfit.
        RecipeError: the recipe lacks models that a scheme needs.
        DataError: the recipe has no models to score, or the pool is too small for a scheme.
        ModelError: the victim does not fit the data.
    """
    if folds is not None:
        require_folds(plan_models(recipe, run.registry, without=without), folds, seed=recipe.seed)
    workspace = open_workspace(recipe, dataset, run, victim_indices=None if victim is None else victim.indices)
    for contender in contenders:
        check_pool(contender.method.parts, workspace.parts.pool)
    setting = prepare(victim, recipe, workspace, run, without=without)
    examinations = {
        contender.name: Examination(method=contender.method, accept=accept, on_event=run.on_event)
        for contender in contenders
    }
    fitting = _fitting(plan_models(recipe, run.registry, without=setting.without), folds)
    for examination in examinations.values():
        examination.look_at_victim(setting, fitting)
    setting = with_able_models(setting, run, own=victim is not None)
    recipe = setting.recipe
    plan = plan_models(recipe, run.registry, without=setting.without)
    if setting.without != without:  # the victim has a further stratum left out
        if folds is None:
            plan_enrolment(recipe, run.registry, setting.without)
        else:
            require_folds(plan, folds, seed=recipe.seed)
    if {model.relation for model in _scored(plan, folds)} != {"derived", "independent"}:
        raise DataError(f"recipe '{recipe.name}' has no derived or no independent models to score")
    announce(plan, workspace, run)
    zoo = build_models(plan, workspace, run)
    if folds is None:
        zoo = top_up(zoo, recipe, victim_labels(workspace, recipe.seed), run, without=setting.without)
        for examination in examinations.values():
            examination.look_at_zoo(zoo)
    return Stage(setting=setting, zoo=zoo, folds=folds, examinations=examinations)


def _fitting(plan: Sequence[ZooModel], folds: int | None) -> list[ZooModel]:
    """Return the models as a victim is looked at for them: in a cross-fit all of them fit an encoder."""
    return [attrs.evolve(model, split="fit") if folds is not None else model for model in plan]


def _scored(models: Sequence[ZooModel], folds: int | None) -> list[ZooModel]:
    return [model for model in models if folds is not None or model.split == "test"]
