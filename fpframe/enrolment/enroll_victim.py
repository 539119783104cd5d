"""`enroll`: from a victim to everything that is needed to question a suspect."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor, nn

from fpframe.base import Listener, ignore, machine_profile
from fpframe.enrolment.asked import ZooAnswers, ask_zoo
from fpframe.enrolment.calibration import PLAIN, Calibration
from fpframe.enrolment.encoders import calibrating, calibration_models, fit_encoders, fit_standards
from fpframe.enrolment.enrolment import Enrolment
from fpframe.enrolment.folder import refuse_existing
from fpframe.enrolment.method import Method, check_method, plan_enrolment
from fpframe.enrolment.queries import check_pool, fooling_rate
from fpframe.interfaces import Encoder
from fpframe.models import Dataset
from fpframe.recipe import Recipe
from fpframe.registry import Registry, load_registry
from fpframe.rng import threads
from fpframe.store import Store
from fpframe.zoo import Setting, VictimRequest, Zoo, announce, ask_models_through, build_models, open_workspace, prepare


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
        scheme: fingerprint scheme, or a TOML file with one; ``None`` takes the recipe's.
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
    request = VictimRequest(
        victim=victim, weights=weights, backbone=backbone, mean=mean, std=std, indices=victim_indices
    )
    method = check_method(full, registry, absent=tuple(absent))
    full = attrs.evolve(full, scheme=method.scheme.name)  # and not the file that it came from
    workspace = open_workspace(
        full,
        dataset if isinstance(dataset, Dataset) else None,
        data_root=data_root,
        victim_indices=victim_indices,
        store=store,
        registry=registry,
    )
    check_pool(method.parts, workspace.parts.pool)
    setting = prepare(request, full, workspace, absent=tuple(absent), on_event=on_event)
    plan = plan_enrolment(full, registry, setting.absent)
    announce(plan, workspace, workers=workers, on_event=on_event)
    zoo = build_models(plan, workspace, workers=workers, on_event=on_event)
    enrolment = fingerprint(setting, method, zoo, ask_zoo(setting, method, zoo, on_event=on_event), on_event=on_event)
    if out is not None:
        enrolment.save(out, force=force)
    return enrolment


def fingerprint(
    setting: Setting, method: Method, zoo: Zoo, asked: ZooAnswers, *, keep: bool = False, on_event: Listener
) -> Enrolment:
    """Fit an encoder for each channel on the fit split, and calibrate it on the calibrate split.

    `keep` stores what the calibration models answer through the recipe's filters, and finds it again.
    """
    recipe, registry = setting.recipe, setting.workspace.registry
    with threads(1):
        facts, profile = _victim_facts(setting, asked.questions.deltas), machine_profile()
    chosen = calibrating(zoo.models)
    calibrates = set(chosen)
    filtered = ask_models_through(
        zoo, asked.questions.queries, method.filters, models=chosen, keep=keep, on_event=on_event
    )
    encoder = registry.build(Encoder, method.encoder.name, **method.encoder.params)
    seed = recipe.enrolment_seed
    standards = fit_standards(encoder, asked.models, asked.victim, recipe.channels, seed=seed)
    encoders = fit_encoders(encoder, asked.models, asked.victim, recipe.channels, seed=seed, on_event=on_event)
    calibration = Calibration.of(
        calibration_models(chosen),
        {PLAIN: torch.stack([answer for model, answer in asked.models if model in calibrates]), **filtered},
        encoders,
        asked.victim,
        source=f"recipe {recipe.name}, seed {recipe.seed}",
    )
    return Enrolment(
        recipe=recipe,
        scheme=method.scheme.name,
        encoder=method.encoder,
        encoder_revision=encoder.revision,
        queries=asked.questions.queries,
        deltas=asked.questions.deltas,
        encoders=encoders,
        victim_answers=asked.victim,
        calibration=calibration,
        standards=standards,
        victim=facts,
        classes=setting.workspace.dataset.classes,
        assumptions=setting.caveats,
        profile=profile,
    )


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


def _victim_facts(setting: Setting, deltas: tuple[Tensor, ...]) -> dict[str, object]:
    classifier, test = setting.victim.classifier, setting.workspace.dataset.test
    return {
        "address": setting.victim_name,
        "backbone": setting.victim.backbone,
        "absent": list(setting.absent),
        "digest": classifier.as_query().digest,
        "key": setting.victim.key,
        "images": setting.workspace.parts.victim.digest,
        "pool": setting.workspace.parts.pool.digest,
        "accuracy": round(classifier.accuracy(test.pixels, test.labels), 6),
        # both on the test images, which no perturbation was made on
        "fooling_rate": [round(fooling_rate(classifier, test, delta), 6) for delta in deltas],
        "max_abs_delta": [float(delta.abs().max()) for delta in deltas],
    }
