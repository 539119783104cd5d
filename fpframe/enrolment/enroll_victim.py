"""`enroll`: from a victim to everything that is needed to question a suspect."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attrs
import torch

from fpframe.base import Listener
from fpframe.enrolment.admission import admit, require_able, top_up, victim_labels
from fpframe.enrolment.asked import ZooAnswers, ask_zoo
from fpframe.enrolment.assembling import assembled
from fpframe.enrolment.calibration import FROM_RECIPE, PLAIN, Calibration
from fpframe.enrolment.encoders import calibrating, calibration_models, fit_encoders, fit_standards
from fpframe.enrolment.enrolment import Enrolment
from fpframe.enrolment.examination import Examination
from fpframe.enrolment.method import Method, check_method, plan_enrolment
from fpframe.enrolment.queries import check_pool
from fpframe.enrolment.settling import accepted_codes
from fpframe.interfaces import Encoder, Scheme
from fpframe.models import Dataset
from fpframe.opening import Victim
from fpframe.recipe import Recipe, Run, explains_former
from fpframe.zoo import (
    Setting,
    Zoo,
    announce,
    ask_models_through,
    build_models,
    open_workspace,
    prepare,
    suited,
    with_able_models,
)


@explains_former(
    backbone="victim=fpframe.Victim(model, backbone=...)",
    mean="victim=fpframe.Victim(model, mean=...)",
    std="victim=fpframe.Victim(model, std=...)",
    out="enroll(...).save(PATH)",
    force="enroll(...).save(PATH, force=True)",
)
def enroll(
    victim: object = None,
    dataset: Dataset | str | None = None,
    *,
    recipe: Recipe | str | Path = "quick",
    scheme: Scheme | str | Path | None = None,
    seed: int | None = None,
    alpha: float | None = None,
    without: Iterable[str] = (),
    accept_unfit: Iterable[str] = (),
    run: Run | None = None,
) -> Enrolment:
    """Fingerprint a victim and calibrate the verdict.

    Args:
        victim: the owner's model, or its address, or whatever `verify` takes; a `Victim` where more is to be said about
            it. ``None`` trains the recipe's.
        dataset: the data, or its address; ``None`` takes the recipe's.
        recipe: preset name, TOML file, or a recipe.
        scheme: fingerprint scheme, its name, or a TOML file with one; ``None`` takes the recipe's.
        seed: decides every random choice; ``None`` takes the recipe's.
        alpha: highest p-value at which a suspect is called derived; ``None`` takes the recipe's.
        without: strata to leave out. Without ``same-data`` no model of the victim's own architecture is trained, which
            is what makes a large victim affordable; the recipe's victim stands in for it.
        accept_unfit: codes of `fpframe.base.UNFIT`: what makes the enrolment unfit to accuse anybody, and is a caveat
            in the sentence of every verdict in place of an error.
        run: how the work is carried out.

    Returns:
        The enrolment; ``save`` writes it to a folder.

    Raises:
        UsageError: something in the request is wrong, or the enrolment is not fit to accuse anybody. Nothing was
            trained then, unless it is the zoo that is unfit.
        ModelError: the victim cannot be opened or does not fit the data.
        DataError: the data cannot be used.
    """
    run, victim, left_out = run or Run(), Victim.of(victim), tuple(without)
    accept = accepted_codes(accept_unfit)
    full = suited(Recipe.of(recipe, dataset=dataset, seed=seed, alpha=alpha), victim)
    method = check_method(full, run.registry, without=left_out, scheme=scheme)
    full = attrs.evolve(full, scheme=method.scheme.name)  # and not the file that it came from
    with run.computing():
        workspace = open_workspace(full, dataset, run, victim_indices=None if victim is None else victim.indices)
        check_pool(method.parts, workspace.parts.pool)
        setting = prepare(victim, full, workspace, run, without=left_out)
        examination = Examination(method=method, accept=accept, on_event=run.on_event)
        examination.look_at_victim(setting, plan_enrolment(full, run.registry, setting.without))
        setting = with_able_models(setting, run, own=victim is not None)
        full = setting.recipe
        plan = plan_enrolment(full, run.registry, setting.without)
        announce(plan, workspace, run)
        zoo = build_models(plan, workspace, run)
        zoo = top_up(zoo, full, victim_labels(workspace, full.seed), run, without=setting.without)
        examination.look_at_zoo(zoo)
        asked = ask_zoo(setting, method, zoo, on_event=run.on_event)
        examination.look_at_queries(asked.questions)
        enrolment = fingerprint(setting, method, zoo, asked, on_event=run.on_event)
        enrolment.require_families()
        strangers = [each for channel in enrolment.encoders for each in enrolment.strangers(channel)]
        return attrs.evolve(enrolment, fitness=examination.finish(strangers))


def fingerprint(
    setting: Setting, method: Method, zoo: Zoo, asked: ZooAnswers, *, keep: bool = False, on_event: Listener
) -> Enrolment:
    """Fit an encoder for each channel on the fit split, and calibrate it on the calibrate split.

    `keep` stores what the calibration models answer through the recipe's filters, and finds it again. An
    enrolment that is to accuse anybody must pass `Enrolment.require_families` too.
    """
    recipe, registry = setting.recipe, setting.workspace.registry
    chosen, ability = admit(zoo, victim_labels(setting.workspace, recipe.seed), seed=recipe.seed)
    require_able(chosen, ability, wanted=calibrating(zoo.models), alpha=recipe.alpha)
    calibrates = set(chosen)
    filtered = ask_models_through(
        zoo, asked.questions.queries, method.filters, models=chosen, keep=keep, on_event=on_event
    )
    encoder = registry.build(Encoder, method.encoder.name, **method.encoder.params)
    seed = recipe.enrolment_seed
    standards = fit_standards(encoder, asked.fit, asked.victim, recipe.channels, seed=seed)
    encoders = fit_encoders(encoder, asked.fit, asked.victim, recipe.channels, seed=seed, on_event=on_event)
    calibration = Calibration.of(
        calibration_models(chosen),
        {PLAIN: torch.stack([answer for model, answer in asked.models if model in calibrates]), **filtered},
        encoders,
        standards,
        asked.victim,
        source=f"{FROM_RECIPE}{recipe.name}, seed {recipe.seed}",
    )
    return assembled(
        setting,
        method,
        asked,
        encoder=encoder,
        encoders=encoders,
        standards=standards,
        calibration=calibration,
        ability=ability,
    )
