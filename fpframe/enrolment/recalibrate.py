"""`calibrate`: compare suspects of an enrolment with other independent models; the victim is not needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs

from fpframe.enrolment.calibrate_on_files import calibrate_on_files
from fpframe.enrolment.calibrate_on_zoo import calibrate_on_zoo, open_divided, plan_calibration
from fpframe.enrolment.calibration import PLAIN
from fpframe.enrolment.enrolment import Enrolment
from fpframe.enrolment.fitness import StratumLook
from fpframe.enrolment.modelfolder import find_independents
from fpframe.enrolment.nearness import NEAR_VICTIM
from fpframe.enrolment.own_models import Independents
from fpframe.enrolment.settling import settle
from fpframe.enrolment.strangers import ARCHITECTURE_ACCUSED, look_at_strangers
from fpframe.errors import UsageError
from fpframe.models import Dataset
from fpframe.opening import VictimPast, refuse_code
from fpframe.recipe import Recipe, Run, explains_former
from fpframe.zoo import FilterChain, recipe_addresses


@explains_former(
    victim_indices="past=fpframe.VictimPast(indices=...)",
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
    past: VictimPast | None = None,
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
        past: which training images the victim has seen, and which public model it was fine-tuned from, as at the
            enrolment; `Victim.past` is that.
        without: strata to leave out, besides those that the enrolment lacks.
        run: how the work is carried out.

    Raises:
        UsageError: something in the request is wrong, there are too few models for alpha, or an address would import
            code of whoever sent the enrolment; nothing was trained then. Or too many models of an architecture would be
            accused if they did not calibrate.
        ModelError: a model of the user's own cannot be opened, does not fit, or is not independent.
        DataError: the data cannot be used, or is not what the victim was enrolled on.
    """
    run, left_out = run or Run(), tuple(without)
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
            calibration, ability, notes = calibrate_on_files(enrolment, given, files, chains, alpha=alpha, run=run)
        accuracy: Mapping[str, StratumLook] = {}  # nobody has labelled images for them
    else:
        notes = ()
        full = Recipe.of(enrolment.recipe if recipe is None else recipe)
        if not run.trust_code:
            own = {} if recipe is None else recipe_addresses(full)
            refuse_code(
                run.registry,
                enrolment_addresses(enrolment, recipe=recipe is None, dataset=dataset is None),
                whose="the enrolment",
                trusted=own,
            )
        plan = plan_calibration(enrolment, full, left_out, alpha=alpha, run=run)
        with run.computing():
            workspace = open_divided(enrolment, full, dataset, past or VictimPast(), run)
            full = attrs.evolve(full, alpha=alpha)
            calibration, ability, accuracy = calibrate_on_zoo(
                enrolment, plan, workspace, chains, full, run, tuple(without)
            )
    made = attrs.evolve(
        enrolment,
        calibration=calibration,
        ability=ability,
        assumptions=(*(note for note in enrolment.assumptions if note.code != NEAR_VICTIM), *notes),
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
