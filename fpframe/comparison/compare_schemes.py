"""`compare`: several schemes on the same models, with several seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from fpframe.base import Event, Listener, machine_profile
from fpframe.comparison.contenders import Contender, contrasts_between, make_contenders
from fpframe.comparison.design import Design
from fpframe.comparison.records import Comparison, Cost, Doubt, DrawnZoo, Outcome
from fpframe.comparison.rounds import Round, by_folds, by_splits
from fpframe.comparison.stage import Stage, set_stage
from fpframe.comparison.zoos import announce_zoos, naming_zoo, together, zoo_recipes
from fpframe.enrolment import accepted_codes
from fpframe.interfaces import Scheme
from fpframe.models import Dataset
from fpframe.opening import Victim
from fpframe.recipe import Recipe, Run, explains_former
from fpframe.zoo import suited


@explains_former(
    **{name: f"design=fpframe.Design({name}=...)" for name in ("seeds", "sizes", "folds", "contrast", "channels")},
    backbone="victim=fpframe.Victim(model, backbone=...)",
    mean="victim=fpframe.Victim(model, mean=...)",
    std="victim=fpframe.Victim(model, std=...)",
)
def compare(
    schemes: Sequence[Scheme | str | Path],
    *,
    recipe: Recipe | str | Path = "small",
    seed: int | None = None,
    design: Design | None = None,
    victim: object = None,
    dataset: Dataset | str | None = None,
    without: Iterable[str] = (),
    accept_unfit: Iterable[str] = (),
    run: Run | None = None,
) -> Comparison:
    """Enroll one victim by several schemes, and score the same unseen models; or several victims, each with a zoo.

    What a model has answered to a query set is kept in the store and never asked again, so that a run that was stopped
    continues where it was, and so that another scheme can join later.

    Args:
        schemes: schemes, their names, or TOML files with them.
        recipe: preset name, TOML file, or a recipe.
        seed: decides the division of the data, the victim, all models and the first enrolment; ``None`` takes the
            recipe's.
        design: how often, on how many zoos, in which sizes and in which channels; ``None`` takes one seed, one zoo and
            the schemes' own sizes.
        victim: the owner's model or its address; ``None`` trains the recipe's.
        dataset: the data, or its address; ``None`` takes the recipe's.
        without: strata to leave out.
        accept_unfit: codes of `fpframe.base.UNFIT`: what would make an enrolment unfit to accuse anybody, and does not
            hinder the comparison.
        run: how the work is carried out.

    Raises:
        UsageError: something in the request is wrong, or an enrolment would not be fit to accuse anybody. Nothing was
            trained or asked then, unless it is the zoo that is unfit, or the victim or zoo of a further seed.
        RecipeError: the recipe lacks models that a scheme needs.
        DataError: the recipe has no models to score, or the pool is too small for a scheme.
    """
    run, design, victim, left_out = run or Run(), design or Design(), Victim.of(victim), tuple(without)
    accept = accepted_codes(accept_unfit)
    full = suited(Recipe.of(recipe, dataset=dataset, seed=seed, channels=design.channels), victim)
    recipes = zoo_recipes(full, design, victim)
    contenders = make_contenders(schemes, full, run.registry, without=left_out, sizes=design.sizes)
    contrasts = contrasts_between(contenders, design.contrast)
    seeds = range(full.enrolment_seed, full.enrolment_seed + design.seeds)
    found = []
    with run.computing():
        if len(recipes) > 1:
            announce_zoos(recipes, dataset, run, without=left_out)
        for number, each in enumerate(recipes, 1):
            if len(recipes) > 1:
                text = f"zoo {number} of {len(recipes)}, seed {each.seed}"
                run.on_event(Event(task="zoos", kind="note", text=text))
            with naming_zoo(each, recipes):
                stage = set_stage(
                    each,
                    contenders,
                    run,
                    victim=victim,
                    dataset=dataset,
                    without=left_out,
                    folds=design.folds,
                    accept=accept,
                )
                found.append(_on_stage(stage, contenders, seeds, contrasts, run))
    return together(found)


def _on_stage(
    stage: Stage,
    contenders: Sequence[Contender],
    seeds: Sequence[int],
    contrasts: tuple[tuple[str, str], ...],
    run: Run,
) -> Comparison:
    """Let every contender enroll one victim with every seed, and score the models of its zoo."""
    models = stage.questioned()
    rounds = [
        (contender.name, seed, _round(stage, contender, seed, run.on_event))
        for contender in contenders
        for seed in seeds
    ]
    setting = stage.setting
    test, zoo = setting.workspace.dataset.test, setting.recipe.seed
    accuracy = round(setting.victim.classifier.accuracy(test.stream, test.labels), 6)
    return Comparison(
        recipe=setting.recipe,
        victim={"address": setting.victim_name, "accuracy": accuracy},
        zoos=(DrawnZoo(seed=zoo, accuracy=accuracy),),
        folds=stage.folds,
        contrasts=contrasts,
        models=models,
        outcomes=tuple(outcome for name, seed, each in rounds for outcome in _outcomes(name, seed, each)),
        costs=tuple(_cost(name, seed, zoo, each) for name, seed, each in rounds),
        doubts=tuple(
            Doubt(contender=name, seed=seed, note=note, zoo=zoo) for name, seed, each in rounds for note in each.doubts
        ),
        profile=machine_profile(),
    )


def _round(stage: Stage, contender: Contender, seed: int, on_event: Listener) -> Round:
    setting = stage.setting
    recipe = attrs.evolve(setting.recipe, queries=attrs.evolve(setting.recipe.queries, seed=seed))
    at = attrs.evolve(setting, recipe=recipe)
    on_event(Event(task="comparing", kind="note", text=f"{contender.name}, seed {seed}"))
    if stage.folds is not None:
        return by_folds(at, contender.method, stage.zoo, stage.folds, on_event=on_event)
    return by_splits(at, stage.examinations[contender.name], stage.zoo, on_event=on_event)


def _outcomes(name: str, seed: int, found: Round) -> list[Outcome]:
    return [
        Outcome(
            contender=name,
            seed=seed,
            channel=channel,
            views=views,
            verdicts=found.verdicts.get(channel, ()),
            p_values=found.p_values.get(channel, ()),
        )
        for channel, views in found.views.items()
    ]


def _cost(name: str, seed: int, zoo: int, found: Round) -> Cost:
    return Cost(
        contender=name,
        seed=seed,
        queries=found.queries,
        enrol_seconds=found.enrol_seconds,
        verify_seconds=found.verify_seconds,
        zoo=zoo,
    )
