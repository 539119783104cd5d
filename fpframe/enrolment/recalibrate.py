"""`calibrate`: compare suspects of an enrolment with other independent models; the victim is not needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np
import torch
from torch import Tensor

from fpframe.decision import require_alpha
from fpframe.enrolment.ability import Ability, ability_choice
from fpframe.enrolment.admission import admit, require_able, top_up
from fpframe.enrolment.calibration import FROM_RECIPE, PLAIN, Calibration, CalibrationModel
from fpframe.enrolment.encoders import calibrating, calibration_models
from fpframe.enrolment.enrolment import Enrolment
from fpframe.enrolment.fitness import StratumLook
from fpframe.enrolment.independents import (
    ask_independents,
    in_victims_order,
    names_once,
    refuse_known,
    refuse_unfit,
)
from fpframe.enrolment.method import units_of
from fpframe.enrolment.modelfolder import IndependentFile, find_independents
from fpframe.enrolment.own_models import Independents
from fpframe.enrolment.settling import settle
from fpframe.enrolment.strangers import ARCHITECTURE_ACCUSED, look_at_strangers
from fpframe.enrolment.zoo_checks import accuracy_by_stratum
from fpframe.errors import DataError, RecipeError, UsageError
from fpframe.isolation import OpeningRequest, OwnProcess
from fpframe.models import Dataset, Query
from fpframe.opening import refuse_code
from fpframe.recipe import Recipe, Run, explains_former
from fpframe.registry import SAME_ARCHITECTURE
from fpframe.zoo import (
    FilterChain,
    Workspace,
    Zoo,
    ZooModel,
    announce,
    ask_models,
    ask_models_through,
    build_models,
    open_workspace,
    plan_models,
    recipe_addresses,
)


@explains_former(
    backbone="independents=fpframe.Independents(FOLDER, backbone=...)",
    outputs="independents=fpframe.Independents(FOLDER, outputs=...)",
    mean="independents=fpframe.Independents(FOLDER, mean=...)",
    std="independents=fpframe.Independents(FOLDER, std=...)",
    out="calibrate(...).save(PATH)",
    force="calibrate(...).save(PATH, force=True)",
)
def calibrate(
    enrolment: Enrolment | str | Path,
    *,
    recipe: Recipe | str | Path | None = None,
    independents: Independents | str | Path | None = None,
    through: Sequence[str] = (),
    alpha: float | None = None,
    dataset: Dataset | str | None = None,
    victim_indices: np.ndarray | None = None,
    without: Iterable[str] = (),
    run: Run | None = None,
) -> Enrolment:
    """Return an enrolment with the same questions and encoders, and another calibration.

    The models come from the calibrate split of a recipe, where they are trained or found in the store, or from a folder
    of the user's own.

    Args:
        enrolment: an enrolment, or the folder of one.
        recipe: preset name, TOML file, or a recipe; ``None`` takes the enrolment's own. Its models are trained on the
            data as the enrolment divided them.
        independents: folder of models as files, instead of a recipe; `Independents` where more is to be said about
            them.
        through: further answer filters that the models are asked through, such as ``flip(0.5)``, besides those of the
            enrolment.
        alpha: the new default level; ``None`` keeps the enrolment's.
        dataset: the data, or its address; ``None`` takes the enrolment's.
        victim_indices: indices of the training images that the victim has seen, as at the enrolment.
        without: strata to leave out, besides those that the enrolment lacks.
        run: how the work is carried out.

    Raises:
        UsageError: something in the request is wrong, there are too few models for alpha, or an address would import
            code of whoever sent the enrolment; nothing was trained then. Or too many models of an architecture would be
            accused if they did not calibrate.
        ModelError: a model of the user's own cannot be opened, does not fit, or is not independent.
        DataError: the data cannot be used, or is not what the victim was enrolled on.
    """
    run = run or Run()
    if recipe is not None and independents is not None:
        raise UsageError("calibrate on a recipe's models or on your own, not on both; leave out one of them")
    if not isinstance(enrolment, Enrolment):
        enrolment = Enrolment.open(enrolment, registry=run.registry)
    known = [name for name in enrolment.calibration.answers if name != PLAIN]
    parsed = [FilterChain.parse(text, run.registry) for text in (*known, *through)]
    chains = tuple({chain.text: chain for chain in parsed}.values())
    alpha = enrolment.recipe.alpha if alpha is None else alpha
    if independents is not None:
        given = Independents.of(independents)
        files = find_independents(given.folder, run.registry)
        if not run.trust_code:
            listed = {file.backbone: f"the backbone of '{file.path.name}'" for file in files if file.backbone}
            refuse_code(run.registry, listed, whose=f"the list of models in '{given.folder}'", trusted=[given.backbone])
        with run.computing():
            calibration, ability = _on_files(enrolment, given, files, chains, alpha=alpha, run=run)
        accuracy: Mapping[str, StratumLook] = {}  # nobody has labelled images for them
    else:
        full = Recipe.of(enrolment.recipe if recipe is None else recipe)
        if not run.trust_code:
            own = {} if recipe is None else recipe_addresses(full)
            refuse_code(
                run.registry,
                enrolment_addresses(enrolment, recipe=recipe is None, dataset=dataset is None),
                whose="the enrolment",
                trusted=own,
            )
        plan = _plan(enrolment, full, tuple(without), alpha=alpha, run=run)
        with run.computing():
            workspace = open_divided(enrolment, full, dataset, victim_indices, run)
            full = attrs.evolve(full, alpha=alpha)
            calibration, ability, accuracy = _on_zoo(enrolment, plan, workspace, chains, full, run, tuple(without))
    made = attrs.evolve(
        enrolment,
        calibration=calibration,
        ability=ability,
        recipe=attrs.evolve(enrolment.recipe, alpha=alpha),
        fitness=enrolment.fitness and enrolment.fitness.calibrated_on(accuracy),
    )
    made.require_families()
    return refuse_accused(made)


def refuse_accused(made: Enrolment) -> Enrolment:
    """Refuse a calibration without which too many models of an architecture would be accused, as `enroll` does.

    Returns:
        The enrolment. Where the owner accepted that when the victim was enrolled, its caveat is about the models that
        calibrate now; where none of them would be accused it is gone.

    Raises:
        UsageError: names the architecture.
    """
    fitness = made.fitness
    accepted = fitness.accepted if fitness is not None else ()
    strangers = [each for channel in made.encoders for each in made.strangers(channel)]
    codes = frozenset(note.code for note in accepted)
    found = settle(look_at_strangers(strangers), codes, how="accept it where the victim is enrolled, with")
    if fitness is None:
        return made
    kept = tuple(note for note in accepted if note.code != ARCHITECTURE_ACCUSED)
    return attrs.evolve(made, fitness=attrs.evolve(fitness, accepted=(*kept, *found)))


def enrolment_addresses(enrolment: Enrolment, *, recipe: bool, dataset: bool) -> dict[str, str]:
    """Return the addresses that an enrolment names and that are opened to train models, each with its place.

    Args:
        enrolment: the enrolment, which somebody else may have made.
        recipe: whether its recipe is followed; otherwise only how it divided the data.
        dataset: whether its data are opened.
    """
    found = recipe_addresses(enrolment.recipe) if recipe else {}
    if not recipe:
        found = dict.fromkeys(filter(None, [enrolment.recipe.pool]), "'pool'")
    if dataset:
        found.setdefault(enrolment.recipe.dataset, "'dataset'")
    elif enrolment.recipe.dataset != enrolment.recipe.pool:
        found.pop(enrolment.recipe.dataset, None)
    found.setdefault(enrolment.victim["backbone"], "the victim's backbone")
    return found


def _plan(enrolment: Enrolment, recipe: Recipe, without: tuple[str, ...], *, alpha: float, run: Run) -> list[ZooModel]:
    """Return the models that calibrate.

    Raises:
        DataError: the recipe is for other data.
        RecipeError: it has no such models.
        UsageError: they are too few for alpha.
    """
    if recipe.dataset != enrolment.recipe.dataset:
        raise DataError(
            f"recipe '{recipe.name}' is for '{recipe.dataset}' where the victim was enrolled on "
            f"'{enrolment.recipe.dataset}'; name a recipe for the same data"
        )
    without = tuple(sorted({*without, *enrolment.victim["absent"]}))
    plan = calibrating(plan_models(recipe, run.registry, splits=("calibrate",), without=without))
    if not plan:
        raise RecipeError(f"recipe '{recipe.name}' has no independent models in 'calibrate'")
    require_alpha(alpha, units_of(plan))
    return plan


def open_divided(
    enrolment: Enrolment, recipe: Recipe, dataset: Dataset | str | None, victim_indices: np.ndarray | None, run: Run
) -> Workspace:
    """Open the data, divided as at the enrolment, whatever the other recipe says.

    Otherwise its models would learn the victim's images as their own, or the very images that suspects are sent.

    Raises:
        DataError: these are other data.
    """
    ours = attrs.evolve(recipe, dataset=enrolment.recipe.dataset, partition=enrolment.recipe.partition)
    ours = attrs.evolve(ours, seed=enrolment.recipe.seed, pool=enrolment.recipe.pool)
    workspace = open_workspace(ours, dataset, run, victim_indices=victim_indices, enrolled=enrolment.classes)
    parts = workspace.parts
    if (parts.victim.digest, parts.pool.digest) != (enrolment.victim["images"], enrolment.victim["pool"]):
        raise DataError(
            f"the images that the victim was trained on, or that suspects are asked, are not those of the enrolment "
            f"({workspace.dataset.address}); name the same data, and --victim-indices if the enrolment had them"
        )
    if enrolment.ability is not None:
        chosen = workspace.dataset.test[ability_choice(len(workspace.dataset.test), enrolment.recipe.seed)]
        truth = chosen.labels.to(enrolment.ability.truth.dtype)
        if not torch.equal(chosen.images, enrolment.able) or not torch.equal(truth, enrolment.ability.truth):
            raise DataError(
                "the images that ability was measured on, or their labels, are not those of the enrolment "
                f"({workspace.dataset.address}); name the same data, with the same test images"
            )
    # the victim itself is not needed: independent models only share its architecture
    workspace.victim_backbone = enrolment.victim["backbone"]
    if enrolment.preparation is not None and SAME_ARCHITECTURE not in enrolment.victim["absent"]:
        workspace.victim_geometry = enrolment.preparation.geometry
    return workspace


def _on_zoo(
    enrolment: Enrolment,
    plan: list[ZooModel],
    workspace: Workspace,
    chains: tuple[FilterChain, ...],
    recipe: Recipe,
    run: Run,
    without: tuple[str, ...],
) -> tuple[Calibration, Ability | None, Mapping[str, StratumLook]]:
    announce(plan, workspace, run)
    zoo, ability = build_models(plan, workspace, run), None
    built = zoo
    if enrolment.ability is not None:
        victim, seed = enrolment.ability.victim, enrolment.recipe.seed
        built = top_up(zoo, recipe, victim, run, without=without, seed=seed)
        chosen, ability = admit(built, victim, seed=seed)
        require_able(chosen, ability, wanted=built.models, alpha=recipe.alpha)
        zoo = Zoo(tuple(chosen), workspace)
    plain = torch.stack(ask_models(zoo, enrolment.queries, on_event=run.on_event))
    filtered = ask_models_through(zoo, enrolment.queries, chains, on_event=run.on_event)
    calibration = Calibration.of(
        calibration_models(zoo.models),
        {PLAIN: plain, **filtered},
        enrolment.encoders,
        enrolment.standards,
        enrolment.victim_answers,
        source=f"{FROM_RECIPE}{recipe.name}, seed {recipe.seed}",
    )
    return calibration, ability, accuracy_by_stratum(built, list(built.models))


def _on_files(
    enrolment: Enrolment,
    independents: Independents,
    files: list[IndependentFile],
    chains: tuple[FilterChain, ...],
    *,
    alpha: float,
    run: Run,
) -> tuple[Calibration, Ability | None]:
    before = enrolment.calibration if independents.add else attrs.evolve(enrolment.calibration, models=(), answers={})
    models: list[CalibrationModel] = names_once(files, taken=[model.name for model in before.models])
    require_alpha(alpha, units_of([*before.models, *models]))
    if independents.add:
        _refuse_unasked(before, chains)

    told = independents.classes
    count = 0 if told is None else len(told.said)
    request = OpeningRequest(
        num_classes=count or len(enrolment.classes),
        image_shape=enrolment.queries.image_shape,
        classes=tuple(enrolment.classes) if told is None else told.spoken,
        outputs=independents.outputs,
        preparation=independents.preparation,
        trust_code=independents.trust_code,
        checkpoint_key=independents.checkpoint_key,
    )
    with OwnProcess(run.registry, independents.limits) as apart:
        apart.prepare()

        def open_file(file: IndependentFile) -> Query:
            named = file.backbone or (independents.backbone if file.needs_backbone else None)
            return apart.open(file.path, attrs.evolve(request, backbone=named))

        def in_order(file: IndependentFile, query: Query) -> Query:
            return in_victims_order(file, query, told, enrolment.classes)

        asked = ask_independents(
            files, open_file, in_order, enrolment.queries, enrolment.able, chains, on_event=run.on_event
        )
    refuse_unfit(files, asked.plain, enrolment.victim_answers, enrolment.calibration.answers[PLAIN])
    if independents.add:
        refuse_known(files, asked.plain, before)
    ability, rows = None, list(range(len(models)))
    if enrolment.ability is not None:
        names = [model.name for model in models]
        ability, rows = enrolment.ability.admitting(asked.labels, names)
        chosen = [*before.models, *(models[row] for row in rows)]
        require_able(chosen, ability, wanted=[*before.models, *models], alpha=alpha)
        if independents.add:
            ability = ability.beside(enrolment.ability)
    prepared = f" (images prepared: {independents.preparation})" if str(independents.preparation) else ""
    source = f"{len(rows)} models of the folder '{independents.folder.resolve().name}'{prepared}"
    calibration = Calibration.of(
        [*before.models, *(models[row] for row in rows)],
        {text: torch.cat([*_one(before.answers, text), answers[rows]]) for text, answers in asked.answers.items()},
        enrolment.encoders,
        enrolment.standards,
        enrolment.victim_answers,
        source=f"{before.source}; {source}" if independents.add else source,
    )
    return calibration, ability


def _one(answers: Mapping[str, Tensor], text: str) -> list[Tensor]:
    return [answers[text]] if text in answers else []


def _refuse_unasked(before: Calibration, chains: tuple[FilterChain, ...]) -> None:
    """Refuse to add models that answer through a filter that those before were not asked through.

    Raises:
        UsageError: names the filter.
    """
    for chain in chains:
        if chain.text not in before.answers:
            raise UsageError(
                f"the models that calibrate already were not asked through '{chain.text}'; calibrate on them with "
                "--through first, and add models then"
            )
