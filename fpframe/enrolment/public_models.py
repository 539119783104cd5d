"""`enroll_on_files`: enroll a victim beside a few public models of others, with nothing trained."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attrs
import torch

from fpframe.decision import Standard
from fpframe.enrolment.ability import Ability, ability_choice
from fpframe.enrolment.admission import victim_labels
from fpframe.enrolment.asked import ask_zoo
from fpframe.enrolment.assembling import assembled
from fpframe.enrolment.calibrate_on_files import calibrate_on_files
from fpframe.enrolment.calibration import PLAIN, Calibration
from fpframe.enrolment.encoders import fit_encoders
from fpframe.enrolment.enrolment import Enrolment
from fpframe.enrolment.examination import Examination
from fpframe.enrolment.method import method_of
from fpframe.enrolment.modelfolder import find_independents
from fpframe.enrolment.own_models import Independents
from fpframe.enrolment.queries import check_pool
from fpframe.enrolment.settling import accepted_codes
from fpframe.errors import UsageError
from fpframe.interfaces import Encoder, Scheme
from fpframe.models import TOP1, Dataset
from fpframe.opening import Victim, refuse_code
from fpframe.recipe import Recipe, Run
from fpframe.zoo import Setting, Zoo, open_workspace, prepare

#: The scheme that is taken where nobody names one: it learns nothing, so it needs no models to learn from.
SCHEME = "akh"


def enroll_on_files(
    victim: object,
    independents: Independents | str | Path,
    dataset: Dataset | str | None = None,
    *,
    recipe: Recipe | str | Path = "quick",
    scheme: Scheme | str | Path = SCHEME,
    seed: int | None = None,
    alpha: float | None = None,
    accept_unfit: Iterable[str] = (),
    run: Run | None = None,
) -> Enrolment:
    """Fingerprint a victim, and compare suspects with independent models of the user's own alone.

    Nothing is trained, so a scheme that learns from models is refused. Suspects are compared by their labels: how
    probabilities compare with labels is learnt from models too. There may be fewer models than the level needs. A
    suspect that stands out from all of them is `INCONCLUSIVE` then, with the code ``too-few`` and what can be said.

    Args:
        victim: the owner's model, as `enroll` takes it.
        independents: folder of models, such as public ones for the same task.
        dataset: the data, or its address; ``None`` takes the recipe's.
        recipe: says how the data are divided, and how many queries there are; its models are not made.
        scheme: fingerprint scheme, its name, or a TOML file with one.
        seed: decides every random choice; ``None`` takes the recipe's.
        alpha: highest p-value at which a suspect is called derived; ``None`` takes the recipe's.
        accept_unfit: see `enroll`.
        run: how the work is carried out.

    Raises:
        UsageError: the scheme learns, the victim is unfit, or fewer than three models are as able as the victim.
        ModelError: a model cannot be opened, does not fit, or is not independent.
        DataError: the data cannot be used, or the folder holds something that is not a model.
    """
    run, given, owned = run or Run(), Independents.of(independents), Victim.of(victim)
    if owned is None:
        raise UsageError("name the victim that is compared with models of your own")
    if given.add:
        raise UsageError("there are no calibration models yet that others could be added to")
    full = attrs.evolve(
        Recipe.of(recipe, dataset=dataset, seed=seed, alpha=alpha),
        independent=(),
        derived=(),
        channels=(TOP1,),
        filters=(),
        as_able_as_victim=False,
    )
    method = method_of(full, run.registry, scheme=scheme)
    if method.learns:
        raise UsageError(
            f"scheme '{method.scheme.name}' learns from models of a recipe, and there are none beside your own; take "
            f"one that learns nothing, such as {SCHEME}"
        )
    full = attrs.evolve(full, scheme=method.scheme.name)
    files = find_independents(given.folder, run.registry)
    if not (run.trust_code or given.trust_code):
        listed = {file.backbone: f"the backbone of '{file.path.name}'" for file in files if file.backbone}
        refuse_code(run.registry, listed, whose=f"the list of models in '{given.folder}'", trusted=[given.backbone])
    with run.computing():
        workspace = open_workspace(full, dataset, run, victim_indices=owned.indices)
        check_pool(method.parts, workspace.parts.pool)
        setting = prepare(owned, full, workspace, run)
        examination = Examination(method=method, accept=accepted_codes(accept_unfit), on_event=run.on_event)
        examination.look_at_victim(setting, [])
        examination.without_zoo()
        asked = ask_zoo(setting, method, Zoo((), workspace), on_event=run.on_event)
        examination.look_at_queries(asked.questions)
        encoder = run.registry.build(Encoder, method.encoder.name, **method.encoder.params)
        encoders = fit_encoders(encoder, [], asked.victim, full.channels, seed=full.enrolment_seed)
        nobody = Calibration(models=(), answers={PLAIN: asked.victim[None][:0]}, views={}, source="")
        views = len(asked.victim)
        made = assembled(
            setting,
            method,
            asked,
            encoder=encoder,
            encoders=encoders,
            # nothing shows what independent models score, so a score stays as it is
            standards={TOP1: Standard(means=(0.0,) * views, deviations=(1.0,) * views)},
            calibration=nobody,
            ability=_of_victim(setting),
        )
        calibration, ability, notes = calibrate_on_files(made, given, files, (), alpha=full.alpha, run=run, few=True)
    made = attrs.evolve(made, calibration=calibration, ability=ability, assumptions=(*made.assumptions, *notes))
    strangers = [each for channel in made.encoders for each in made.strangers(channel)]
    return attrs.evolve(made, fitness=examination.finish(strangers))


def _of_victim(setting: Setting) -> Ability:
    """Return how able the victim is, with no calibration models yet."""
    workspace, seed = setting.workspace, setting.recipe.seed
    victim = victim_labels(workspace, seed)
    images = workspace.dataset.test[ability_choice(len(workspace.dataset.test), seed)]
    return Ability(
        images=images.images,
        truth=images.labels.to(victim.dtype),
        victim=victim,
        models=torch.empty(0, len(victim), dtype=victim.dtype),
    )
