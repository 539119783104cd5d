"""`evaluate`: question the held-out models of the recipe, and count how well derived and independent ones separate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from torch import Tensor, nn

from fpframe.base import Listener, ignore
from fpframe.enrolment import PLAIN, Enrolment, astray
from fpframe.errors import DataError, ModelError
from fpframe.evaluation.records import Evaluation, HeldOut
from fpframe.models import Dataset, through_channel
from fpframe.opening import Victim
from fpframe.recipe import Recipe, Run, explains_former
from fpframe.registry import SAME_ARCHITECTURE
from fpframe.verification import Verdict, Yardstick, broken, constant
from fpframe.zoo import (
    Setting,
    Zoo,
    ZooModel,
    announce,
    ask_models,
    build_models,
    open_workspace,
    plan_models,
    prepare,
)


@explains_former(
    mean="victim=fpframe.Victim(model, mean=...)",
    std="victim=fpframe.Victim(model, std=...)",
)
def evaluate(
    enrolments: Sequence[Enrolment],
    *,
    victim: Victim | nn.Module | str | None = None,
    dataset: Dataset | str | None = None,
    channels: Sequence[str] | None = None,
    run: Run | None = None,
) -> list[Evaluation]:
    """Build the test split of the recipe and question its models with each enrolment, in each channel.

    The held-out models took no part in any enrolment. Each is judged on its own, as one suspect in one call.

    Args:
        enrolments: enrolments of one victim by one recipe, up to the scheme.
        victim: the victim as it was enrolled, when it is not the one that the recipe trains.
        dataset: the data, or its address; ``None`` takes the enrolments'.
        channels: what the models reveal; ``None`` takes every channel of the first enrolment.
        run: how the work is carried out.

    Raises:
        UsageError: there is no such channel.
        ModelError: this is not the victim that was enrolled.
        DataError: the recipe has no test models, or the enrolments have different recipes.
    """
    run = run or Run()
    recipe = _common_recipe(enrolments)
    channels = tuple(enrolments[0].encoders) if channels is None else tuple(channels)
    for channel in channels:
        enrolments[0].encoder_for(channel)
    with run.computing():
        setting = _open_enrolled(enrolments, Victim.of(victim), dataset, run)
        plan = plan_models(recipe, run.registry, splits=("test",), without=setting.without)
        if {model.relation for model in plan} != {"derived", "independent"}:
            raise DataError(f"recipe '{recipe.name}' has no derived or no independent models in 'test'")
        announce(plan, setting.workspace, run)
        zoo = build_models(plan, setting.workspace, run)
        return [
            evaluation
            for enrolment in enrolments
            for evaluation in evaluate_zoo(enrolment, zoo, channels, on_event=run.on_event)
        ]


def _common_recipe(enrolments: Sequence[Enrolment]) -> Recipe:
    """Return the recipe of all enrolments.

    Raises:
        DataError: they have different ones, or lack different strata.
    """
    recipe = enrolments[0].recipe
    same: dict[str, Any] = {"scheme": recipe.scheme, "queries": recipe.queries}  # neither changes the zoo
    if any(attrs.evolve(other.recipe, **same) != recipe for other in enrolments):
        raise DataError("the enrolments have different recipes; evaluate them one by one")
    if any(other.victim["absent"] != enrolments[0].victim["absent"] for other in enrolments):
        raise DataError("the enrolments lack different strata; evaluate them one by one")
    return recipe


def _open_enrolled(
    enrolments: Sequence[Enrolment], victim: Victim | None, dataset: Dataset | str | None, run: Run
) -> Setting:
    """Open the data and the victim that was enrolled.

    Raises:
        ModelError: this is another victim.
    """
    recipe, enrolled = enrolments[0].recipe, enrolments[0].victim
    without = tuple(enrolled["absent"])
    workspace = open_workspace(recipe, dataset, run, victim_indices=None if victim is None else victim.indices)
    if victim is not None and victim.backbone is None and SAME_ARCHITECTURE not in without:
        victim = attrs.evolve(victim, backbone=enrolled["backbone"])
    setting = prepare(victim, recipe, workspace, run, without=without)
    if any(setting.victim.key != enrolment.victim["key"] for enrolment in enrolments):
        raise ModelError(
            f"'{setting.victim_name}' is not the victim that was enrolled ('{enrolled['address']}'); "
            "name that one with --victim and --weights, and the options and data of its enrolment"
        )
    return setting


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
