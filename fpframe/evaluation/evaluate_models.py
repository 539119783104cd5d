"""`evaluate`: question the held-out models of the recipe, and count how well derived and independent ones separate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from fpframe.base import Event, Listener, ignore
from fpframe.decision import Test
from fpframe.enrolment import Enrolment, enrolment_addresses
from fpframe.errors import DataError, ModelError
from fpframe.evaluation.records import Evaluation, HeldOut
from fpframe.models import Dataset
from fpframe.opening import Victim, refuse_code
from fpframe.recipe import Recipe, Run, explains_former
from fpframe.registry import SAME_ARCHITECTURE
from fpframe.verification import (
    Asking,
    Interview,
    Verdict,
    Yardsticks,
    conclude,
    judge,
    question,
    recording_of,
    require_finished,
)
from fpframe.zoo import (
    Setting,
    Zoo,
    ZooModel,
    announce,
    build_models,
    open_workspace,
    plan_models,
    prepare,
)

#: Tests that an evaluation sets beside the conformal one.
OTHER_TESTS: tuple[Test, ...] = ("sequential", "welch", "welch-by-stratum")


@explains_former(
    mean="victim=fpframe.Victim(model, mean=...)",
    std="victim=fpframe.Victim(model, std=...)",
)
def evaluate(
    enrolments: Sequence[Enrolment],
    *,
    victim: object = None,
    dataset: Dataset | str | None = None,
    channels: Sequence[str] | None = None,
    run: Run | None = None,
) -> list[Evaluation]:
    """Build the test split of the recipe and question its models with each enrolment, in each channel.

    The held-out models took no part in any enrolment. Each is judged on its own, as one suspect in one call of
    `fpframe.verify` that is told nothing of it: not its channel, nor its answer filter.

    Args:
        enrolments: enrolments of one victim by one recipe, up to the scheme.
        victim: the victim as it was enrolled, when it is not the one that the recipe trains.
        dataset: the data, or its address; ``None`` takes the enrolments'.
        channels: what the models reveal; ``None`` takes every channel of the first enrolment.
        run: how the work is carried out.

    Raises:
        UsageError: there is no such channel, or an address would import code of whoever sent the enrolment.
        ModelError: this is not the victim that was enrolled.
        DataError: the recipe has no test models, or the enrolments have different recipes.
    """
    run = run or Run()
    recipe = _common_recipe(enrolments)
    channels = tuple(enrolments[0].encoders) if channels is None else tuple(channels)
    for channel in channels:
        enrolments[0].encoder_for(channel)
    victim = Victim.of(victim)
    if not run.trust_code:
        named = [] if victim is None else [victim.backbone, victim.model if isinstance(victim.model, str) else None]
        for enrolment in enrolments:
            addresses = enrolment_addresses(enrolment, recipe=True, dataset=dataset is None)
            refuse_code(run.registry, addresses, whose="the enrolment", trusted=named)
    with run.computing():
        setting = _open_enrolled(enrolments, victim, dataset, run)
        plan = plan_models(recipe, run.registry, splits=("test",), without=setting.without)
        if {model.relation for model in plan} != {"derived", "independent"}:
            raise DataError(f"recipe '{recipe.name}' has no derived or no independent models in 'test'")
        announce(plan, setting.workspace, run)
        zoo = build_models(plan, setting.workspace, run)
        return [
            evaluation
            for enrolment in enrolments
            for evaluation in evaluate_zoo(enrolment, zoo, channels, tests=OTHER_TESTS, on_event=run.on_event)
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
    indices, classes = None if victim is None else victim.indices, enrolments[0].classes
    workspace = open_workspace(recipe, dataset, run, victim_indices=indices, enrolled=classes)
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
    enrolment: Enrolment,
    zoo: Zoo,
    channels: Sequence[str],
    *,
    tests: Sequence[Test] = (),
    on_event: Listener = ignore,
) -> list[Evaluation]:
    """Judge every model of a zoo in each channel, as `fpframe.verify` judges a suspect that reveals no more.

    Each model is asked once, and what it says is kept in the store.

    Args:
        enrolment: the enrolment.
        zoo: the models.
        channels: what the models reveal.
        tests: tests besides the conformal one that decide on each model too.
        on_event: is told of progress.

    Raises:
        UsageError: there is no such channel.
    """
    yardsticks = Yardsticks(enrolment, zoo.workspace.registry)
    suspects: dict[str, list[HeldOut]] = {channel: [] for channel in channels}
    for done, model in enumerate(zoo.models, start=1):
        for channel, judged in suspects.items():
            judged.append(_judged(zoo, model, yardsticks, channel, tests))
        on_event(Event(task="asking the zoo like suspects", done=done, total=len(zoo.models)))
    return [
        Evaluation(
            enrolment=enrolment,
            yardstick=yardsticks.of(channel),
            suspects=tuple(judged),
            victim_embeddings=enrolment.embed(enrolment.victim_answers, channel),
        )
        for channel, judged in suspects.items()
    ]


def _judged(zoo: Zoo, model: ZooModel, yardsticks: Yardsticks, channel: str, tests: Sequence[Test]) -> HeldOut:
    enrolment, alpha = yardsticks.enrolment, yardsticks.enrolment.recipe.alpha
    recording = recording_of(zoo, model, enrolment.queries, enrolment.able, channel)
    whole = question(Interview(recording.suspect()), yardsticks, Asking(), alpha=alpha)

    def verdict(test: Test) -> Verdict:
        asking = Asking(test=test)
        if test == "sequential":  # which leaves views unasked, and sees less
            outcomes = judge([recording.suspect()], yardsticks, asking, alpha=alpha)
        else:
            outcomes = conclude([whole], yardsticks, asking, alpha=alpha)
        [found] = require_finished(outcomes)
        return attrs.evolve(found, transcript=None)  # hundreds of models, in several channels

    return HeldOut(
        model=model,
        facts=zoo.facts(model),
        verdict=verdict("conformal"),
        view_scores=tuple(yardsticks.of(channel).scores(recording.views)),
        others={test: verdict(test).decision for test in tests},
        embeddings=enrolment.embed(recording.views, channel),
        seconds=recording.seconds,
    )
