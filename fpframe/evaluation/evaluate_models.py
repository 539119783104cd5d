"""`evaluate`: question the held-out models of the recipe, and count how well derived and independent ones separate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from torch import Tensor, nn

from fpframe.base import Listener, ignore
from fpframe.enrolment import PLAIN, Enrolment, astray
from fpframe.errors import DataError, ModelError
from fpframe.evaluation.records import Evaluation, HeldOut
from fpframe.models import Dataset, through_channel
from fpframe.registry import Registry, load_registry
from fpframe.store import Store
from fpframe.verification import Verdict, Yardstick, broken, constant
from fpframe.zoo import (
    SAME_ARCHITECTURE,
    VictimRequest,
    Zoo,
    ZooModel,
    announce,
    ask_models,
    build_models,
    open_workspace,
    plan_models,
    prepare,
)


def evaluate(
    enrolments: Sequence[Enrolment],
    *,
    victim: nn.Module | str | None = None,
    dataset: Dataset | None = None,
    weights: str | Path | None = None,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
    victim_indices: np.ndarray | None = None,
    data_root: str | Path | None = None,
    channels: Sequence[str] | None = None,
    workers: int = 1,
    store: Store | None = None,
    registry: Registry | None = None,
    on_event: Listener = ignore,
) -> list[Evaluation]:
    """Build the test split of the recipe and question its models with each enrolment, in each channel.

    The held-out models took no part in any enrolment. Each is judged on its own, as one suspect in one call.

    Args:
        enrolments: enrolments of one victim by one recipe, up to the scheme.
        victim: the victim, when it is not the one that the recipe trains.
        dataset: the data, when it was not opened by an address.
        weights: file with its weights.
        mean: per-channel mean that it subtracts from pixels.
        std: per-channel standard deviation that it divides them by.
        victim_indices: indices of the training images that it has seen.
        data_root: folder of data sets that are files.
        channels: what the models reveal; ``None`` takes every channel of the first enrolment.
        workers: processes that train models.
        store: where trained models are kept.
        registry: plugins; ``None`` takes the installed ones.
        on_event: is told of progress.

    Raises:
        UsageError: there is no such channel.
        ModelError: this is not the victim that was enrolled.
        DataError: the recipe has no test models, or the enrolments have different recipes.
    """
    recipe = enrolments[0].recipe
    same: dict[str, Any] = {"scheme": recipe.scheme, "queries": recipe.queries}  # neither changes the zoo
    if any(attrs.evolve(other.recipe, **same) != recipe for other in enrolments):
        raise DataError("the enrolments have different recipes; evaluate them one by one")
    channels = tuple(enrolments[0].encoders) if channels is None else tuple(channels)
    for channel in channels:
        enrolments[0].encoder_for(channel)
    workspace = open_workspace(
        recipe,
        dataset,
        data_root=data_root,
        victim_indices=victim_indices,
        store=store,
        registry=registry or load_registry(),
    )
    enrolled = enrolments[0].victim
    if any(other.victim["absent"] != enrolled["absent"] for other in enrolments):
        raise DataError("the enrolments lack different strata; evaluate them one by one")
    absent = tuple(enrolled["absent"])
    known = enrolled["backbone"] if isinstance(victim, nn.Module) and SAME_ARCHITECTURE not in absent else None
    request = VictimRequest(victim=victim, weights=weights, backbone=known, mean=mean, std=std, indices=victim_indices)
    setting = prepare(request, recipe, workspace, absent=absent, on_event=on_event)
    if any(setting.victim.key != enrolment.victim["key"] for enrolment in enrolments):
        raise ModelError(
            f"'{setting.victim_name}' is not the victim that was enrolled ('{enrolments[0].victim['address']}'); "
            "name that one with --victim and --weights, and the options and data of its enrolment"
        )
    plan = plan_models(recipe, workspace.registry, splits=("test",), absent=setting.absent)
    if {model.relation for model in plan} != {"derived", "independent"}:
        raise DataError(f"recipe '{recipe.name}' has no derived or no independent models in 'test'")
    announce(plan, workspace, workers=workers, on_event=on_event)
    zoo = build_models(plan, workspace, workers=workers, on_event=on_event)
    return [
        evaluation
        for enrolment in enrolments
        for evaluation in evaluate_zoo(enrolment, zoo, channels, on_event=on_event)
    ]


def evaluate_zoo(
    enrolment: Enrolment, zoo: Zoo, channels: Sequence[str], *, keep: bool = False, on_event: Listener = ignore
) -> list[Evaluation]:
    """Question every model of a zoo, once for all channels; `keep` stores the answers, and finds them again."""
    answers = ask_models(zoo, enrolment.queries, keep=keep, on_event=on_event)
    digest = enrolment.digest
    evaluations = []
    for channel in channels:
        yardstick = Yardstick.of(enrolment, channel, registry=zoo.workspace.registry)
        suspects = tuple(
            _judge(yardstick, model, through_channel(answer, channel), zoo, digest)
            for model, answer in zip(zoo.models, answers, strict=True)
        )
        victim = enrolment.embed(enrolment.victim_answers, channel)
        evaluations.append(
            Evaluation(enrolment=enrolment, yardstick=yardstick, suspects=suspects, victim_embeddings=victim)
        )
    return evaluations


def _judge(yardstick: Yardstick, model: ZooModel, seen: Tensor, zoo: Zoo, digest: str) -> HeldOut:
    enrolment = yardstick.enrolment
    others = enrolment.calibration.answers[PLAIN]
    behaviour = broken(list(seen)) or constant(list(seen)) or astray(seen, enrolment.victim_answers, others)
    all_scores = tuple(yardstick.scores(seen))
    scores = () if behaviour else all_scores
    alpha = enrolment.recipe.alpha
    verdict = Verdict(
        decision=yardstick.decide(scores, alpha=alpha, behaviour=behaviour),
        channel=yardstick.channel,
        through=yardstick.through,
        view_scores=scores,
        queries=enrolment.queries.queries,
        saved=0,
        suspect={"address": str(model.lineage), "digest": ""},
        scheme=enrolment.scheme,
        enrolment=digest,
        settings={"outputs": "probs"},
        caveats=(*enrolment.caveats, *yardstick.caveats),
    )
    return HeldOut(
        model=model,
        facts=zoo.facts(model),
        verdict=verdict,
        view_scores=all_scores,
        others={
            "sequential": yardstick.decide(scores, alpha=alpha, test="sequential", behaviour=behaviour),
            "welch": yardstick.decide(scores, alpha=alpha, test="welch", behaviour=behaviour),
            "welch-by-stratum": yardstick.decide(scores, alpha=alpha, test="welch-by-stratum", behaviour=behaviour),
        },
        embeddings=enrolment.embed(seen, yardstick.channel),
    )
