"""`enroll`: from a victim to everything that is needed to question a suspect."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor, nn

from fpframe.channel import through_channel
from fpframe.classifier import Classifier
from fpframe.dataset import Dataset
from fpframe.decision import StratumScores, require_alpha
from fpframe.enrolment.folder import refuse_existing
from fpframe.enrolment.prepare import SAME_ARCHITECTURE, Setting, prepare
from fpframe.enrolment.questions import (
    check_pool,
    encoder_spec,
    fooling_rate,
    make_questions,
    needs_references,
    resolve_parts,
)
from fpframe.enrolment.record import Enrolment, cosine_scores
from fpframe.errors import RecipeError, UsageError, nearest
from fpframe.events import Event, Listener, ignore
from fpframe.fingerprint import extract
from fpframe.interfaces import Encoder, References, Scheme
from fpframe.interfaces.encoder import Relation
from fpframe.loading import load_registry
from fpframe.profile import machine_profile
from fpframe.query import QuerySet
from fpframe.recipe import STRATA, Recipe
from fpframe.registry import Registry
from fpframe.rng import derive_seed, threads
from fpframe.store import Store
from fpframe.zoo import Zoo, ZooModel, build_zoo, plan_zoo
from fpframe.zoo.estimate import announce


def enroll(
    victim: nn.Module | str | None = None,
    dataset: Dataset | str | None = None,
    *,
    recipe: Recipe | str | Path = "quick",
    scheme: str | None = None,
    seed: int | None = None,
    alpha: float | None = None,
    weights: str | Path | None = None,
    backbone: str | None = None,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
    victim_indices: np.ndarray | None = None,
    data_root: str | Path | None = None,
    absent: Iterable[str] = (),
    out: str | Path | None = None,
    force: bool = False,
    workers: int = 1,
    store: Store | None = None,
    registry: Registry | None = None,
    on_event: Listener = ignore,
) -> Enrolment:
    """Fingerprint a victim and calibrate the verdict.

    Args:
        victim: the owner's model: a module from pixels ``(N, C, H, W)`` in [0, 1] to logits, or an address such as
            ``timm:resnet18`` or ``python:MODULE:FUNCTION``; ``None`` trains the recipe's.
        dataset: the data, or its address; ``None`` takes the recipe's.
        recipe: preset name, TOML file, or a recipe.
        scheme: fingerprint scheme; ``None`` takes the recipe's.
        seed: decides every random choice; ``None`` takes the recipe's.
        alpha: highest p-value at which a suspect is called derived; ``None`` takes the recipe's.
        weights: file with the victim's weights, when it is an address.
        backbone: address that builds the victim's architecture anew, when the victim is a module; without it the
            stratum ``same-data`` is absent.
        mean: per-channel mean that the victim subtracts from pixels.
        std: per-channel standard deviation that it divides them by.
        victim_indices: indices of the training images that the victim has seen.
        data_root: folder of data sets that are files.
        absent: strata to leave out. Without ``same-data`` no model of the victim's own architecture is trained, which
            is what makes a large victim affordable; the recipe's victim stands in for it.
        out: folder to write the enrolment to.
        force: overwrite `out`.
        workers: processes that train models.
        store: where trained models are kept and found again.
        registry: plugins; ``None`` takes the installed ones.
        on_event: is told of progress.

    Returns:
        The enrolment.

    Raises:
        UsageError: something in the request is wrong; nothing was trained then.
        ModelError: the victim cannot be opened or does not fit the data.
        DataError: the data cannot be used.
    """
    if out is not None:
        refuse_existing(Path(out), force=force)
    registry = registry or load_registry()
    full = _complete(recipe, dataset, scheme, seed, alpha)
    chosen: Scheme = registry.get("scheme", full.scheme)
    for stratum in absent:
        if stratum not in STRATA:
            raise UsageError(f"unknown stratum '{stratum}'{nearest(stratum, STRATA)}")
    spec = encoder_spec(chosen, full, registry)
    methods = resolve_parts(chosen, full, registry)
    for channel in full.channels:
        through_channel(torch.zeros(1, 2), channel)
    setting = prepare(
        victim,
        dataset,
        full,
        weights=weights,
        backbone=backbone,
        mean=mean,
        std=std,
        data_root=data_root,
        victim_indices=victim_indices,
        absent=tuple(absent),
        store=store,
        registry=registry,
        on_event=on_event,
    )
    check_pool(methods, setting.workspace.parts.pool)
    plan = plan_zoo(full, splits=("fit", "calibrate"), absent=setting.absent)
    _require_models(plan, full)
    announce(plan, setting.workspace, workers=workers, on_event=on_event)
    zoo = build_zoo(plan, setting.workspace, workers=workers, on_event=on_event)

    references = _references(zoo) if needs_references(chosen, full, registry) else None
    on_event(Event(task="making queries", total=1))
    questions = make_questions(
        chosen, full, registry, setting.victim.classifier, setting.workspace.parts.pool, references
    )
    on_event(Event(task="making queries", done=1, total=1))
    victim_answers = extract(setting.victim.classifier.as_query(), questions.queries)
    answers = collect_answers(zoo, questions.queries, on_event=on_event)
    encoder = registry.build(Encoder, spec.name, **spec.params)
    encoders: dict[str, nn.Module] = {}
    calibration = {}
    for done, channel in enumerate(full.channels):
        on_event(Event(task="fitting encoders", done=done, total=len(full.channels)))
        encoders[channel] = _fit(encoder, zoo, answers, victim_answers, channel, full.seed)
        calibration[channel] = _calibrate(encoders[channel], zoo, answers, victim_answers, channel)
    on_event(Event(task="fitting encoders", done=len(full.channels), total=len(full.channels)))
    enrolment = Enrolment(
        recipe=full,
        scheme=chosen.name,
        encoder=spec,
        queries=questions.queries,
        deltas=questions.deltas,
        encoders=encoders,
        victim_answers=victim_answers,
        calibration=calibration,
        victim=_victim_facts(setting, questions.deltas),
        classes=setting.workspace.dataset.classes,
        caveats=(*setting.caveats, *_caveats(setting)),
        profile=machine_profile(),
    )
    if out is not None:
        enrolment.save(out, force=force)
    return enrolment


def collect_answers(zoo: Zoo, queries: QuerySet, *, on_event: Listener = ignore) -> dict[int, Tensor]:
    """Return the answers ``(V, Q, K)`` of every model of a zoo, by its position; one model is in memory at a time."""
    answers = {}
    for index, model in enumerate(zoo.models):
        with threads(1):  # the same bits as in any other run, whatever the caller's threads
            answers[index] = extract(zoo.load(model).as_query(), queries)
        on_event(Event(task="asking the zoo", done=index + 1, total=len(zoo.models)))
    return answers


def _complete(
    recipe: Recipe | str | Path,
    dataset: Dataset | str | None,
    scheme: str | None,
    seed: int | None,
    alpha: float | None,
) -> Recipe:
    full = recipe if isinstance(recipe, Recipe) else Recipe.load(recipe)
    address = dataset.address if isinstance(dataset, Dataset) else dataset
    given: dict[str, Any] = {"dataset": address, "scheme": scheme, "seed": seed, "alpha": alpha}
    return attrs.evolve(full, **{key: value for key, value in given.items() if value is not None})


def _require_models(plan: list[ZooModel], recipe: Recipe) -> None:
    fit = [model.relation for model in plan if model.split == "fit"]
    for relation in ("derived", "independent"):
        if relation not in fit:
            raise RecipeError(f"recipe '{recipe.name}' has no {relation} models in 'fit'; an encoder needs both kinds")
    # the plan knows the number of models, so an alpha out of reach shows before hours of training
    require_alpha(
        recipe.alpha,
        {
            stratum: StratumScores(scores=(0.0,) * len(families), families=tuple(families))
            for stratum, families in _families(plan).items()
        },
    )


def _families(plan: Iterable[ZooModel]) -> dict[str, list[str]]:
    families: dict[str, list[str]] = {}
    for model in plan:
        if model.split == "calibrate" and model.relation == "independent":
            families.setdefault(model.stratum, []).append(model.family)
    return families


def _references(zoo: Zoo) -> References:
    fit: dict[str, list[Classifier]] = {"derived": [], "independent": []}
    for model in zoo.of("fit"):
        fit[model.relation].append(zoo.load(model))
    return References(tuple(fit["derived"]), tuple(fit["independent"]))


def _fit(
    encoder: Encoder, zoo: Zoo, answers: dict[int, Tensor], victim_answers: Tensor, channel: str, seed: int
) -> nn.Module:
    chosen = [index for index, model in enumerate(zoo.models) if model.split == "fit"]
    families = sorted({zoo.models[index].family for index in chosen})
    relation: list[Relation] = ["victim", *(zoo.models[index].relation for index in chosen)]
    groups = [0, *(1 + families.index(zoo.models[index].family) for index in chosen)]
    stacked = torch.stack([victim_answers, *(answers[index] for index in chosen)])
    with threads(1):
        return encoder.fit(
            through_channel(stacked, channel),
            relation,
            torch.tensor(groups),
            seed=derive_seed(seed, "encoder", channel),
        )


def _calibrate(
    encoder: nn.Module, zoo: Zoo, answers: dict[int, Tensor], victim_answers: Tensor, channel: str
) -> dict[str, StratumScores]:
    found: dict[str, list[tuple[float, str]]] = {}
    for index, model in enumerate(zoo.models):
        if model.split == "calibrate" and model.relation == "independent":
            with threads(1):
                score = float(cosine_scores(encoder, answers[index], victim_answers, channel).mean())
            found.setdefault(model.stratum, []).append((score, model.family))
    return {
        stratum: StratumScores(scores=tuple(score for score, _ in pairs), families=tuple(family for _, family in pairs))
        for stratum, pairs in sorted(found.items())
    }


def _victim_facts(setting: Setting, deltas: tuple[Tensor, ...]) -> dict[str, object]:
    classifier, test = setting.victim.classifier, setting.workspace.dataset.test
    return {
        "address": setting.victim_name,
        "backbone": setting.victim.backbone,
        "digest": classifier.as_query().digest,
        "key": setting.victim.key,
        "accuracy": round(classifier.accuracy(test.pixels, test.labels), 6),
        # both on the test images, which no perturbation was made on
        "fooling_rate": [round(fooling_rate(classifier, test, delta), 6) for delta in deltas],
        "max_abs_delta": [float(delta.abs().max()) for delta in deltas],
    }


def _caveats(setting: Setting) -> list[str]:
    kinds = sorted({group.stratum for group in setting.recipe.independent} - set(setting.absent))
    caveats = [f"The p-value speaks of independent models like the calibrated ones: {', '.join(kinds)}."]
    missing = [
        f"Stratum '{stratum}' is absent: no independent models of this kind were calibrated."
        for stratum in sorted(set(setting.absent))
    ]
    if SAME_ARCHITECTURE in setting.absent:
        missing.append(
            f"No model of the victim's own architecture was trained; {setting.victim.backbone} stands in for it."
        )
    return [*caveats, *missing]
