"""`evaluate`: question the held-out models of the recipe, and count how well derived and independent ones separate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from torch import Tensor, nn

from fpframe.channel import PROBS, through_channel
from fpframe.dataset import Dataset
from fpframe.decision import auc, auc_interval, clopper_pearson
from fpframe.decision.decide import DERIVED
from fpframe.enrolment import Enrolment
from fpframe.enrolment.fitting import collect_answers
from fpframe.errors import DataError, ModelError
from fpframe.events import Listener, ignore
from fpframe.loading import load_registry
from fpframe.query import Query
from fpframe.registry import Registry
from fpframe.store import Store
from fpframe.verification import Verdict, judge
from fpframe.zoo import Facts, Zoo, ZooModel, build_models, plan_models
from fpframe.zoo.outlook import announce
from fpframe.zoo.prepare import SAME_ARCHITECTURE, VictimRequest, open_workspace, prepare


@attrs.frozen(kw_only=True, eq=False)
class HeldOut:
    """One held-out model and what was found of it.

    Attributes:
        model: its plan: lineage, relation, stratum.
        facts: its accuracy, its agreement with the victim, and whether it is a failed theft.
        verdict: what the enrolment says of it.
        embeddings: ``(V, E)``, for pictures.
    """

    model: ZooModel
    facts: Facts
    verdict: Verdict
    embeddings: Tensor


@attrs.frozen(kw_only=True)
class Separation:
    """How well the scores of some derived models separate from those of some independent ones.

    Attributes:
        derived: which derived models.
        independent: which independent models.
        n_derived: their number.
        n_independent: their number.
        auc: chance that a derived one scores higher.
        interval: 95 % interval of the AUC, with families as the units.
    """

    derived: str
    independent: str
    n_derived: int
    n_independent: int
    auc: float
    interval: tuple[float, float]


@attrs.frozen(kw_only=True)
class Rate:
    """How often something was called derived.

    Attributes:
        kind: which models.
        hits: how many models were called derived.
        n: out of how many.
        families: how many families these are; a family is called derived as soon as one of its models is.
        interval: exact (Clopper-Pearson) 95 % interval of the rate of families called derived.
    """

    kind: str
    hits: int
    n: int
    families: int
    interval: tuple[float, float]


@attrs.frozen(kw_only=True, eq=False)
class Evaluation:
    """What an enrolment says of the held-out models.

    Attributes:
        enrolment: the enrolment.
        channel: what the models revealed.
        suspects: the held-out models.
        victim_embeddings: ``(V, E)``.
    """

    enrolment: Enrolment
    channel: str
    suspects: tuple[HeldOut, ...]
    victim_embeddings: Tensor

    def separations(self) -> list[Separation]:
        """Return AUCs: each attack against all independent models, and all thefts against each kind of these.

        One attack against one stratum is left out: such pairs are many, and count a few models each.
        """
        derived = _groups(self.suspects, "derived")
        independent = _groups(self.suspects, "independent")
        thefts, everybody = _all_of(derived, "derived"), _all_of(independent, "independent")
        normal = [s for s in self.suspects if s.model.relation == "independent" and s.model.trained]
        if normal:
            independent = {"normally trained": normal, **independent}
        pairs = [(attack, everybody) for attack in derived if attack != thefts]
        pairs += [(thefts, stratum) for stratum in independent]
        return [_separation(a, derived[a], b, independent[b]) for a, b in pairs]

    def rates(self) -> list[Rate]:
        """Return how often each kind of held-out model was called derived."""
        return [
            _rate(kind, members)
            for relation in ("derived", "independent")
            for kind, members in _groups(self.suspects, relation).items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-able data."""
        return {
            "scheme": self.enrolment.scheme,
            "channel": self.channel,
            "victim": dict(self.enrolment.victim),
            "separations": [attrs.asdict(item) for item in self.separations()],
            "rates": [attrs.asdict(item) for item in self.rates()],
            "suspects": [
                {
                    "lineage": str(item.model.lineage),
                    "relation": item.model.relation,
                    "stratum": item.model.stratum,
                    "family": item.model.family,
                    **attrs.asdict(item.facts),
                    **item.verdict.to_dict(),
                }
                for item in self.suspects
            ],
        }


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
    channel: str = PROBS,
    workers: int = 1,
    store: Store | None = None,
    registry: Registry | None = None,
    on_event: Listener = ignore,
) -> list[Evaluation]:
    """Build the test split of the recipe and question its models with each enrolment.

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
        channel: what the models reveal.
        workers: processes that train models.
        store: where trained models are kept.
        registry: plugins; ``None`` takes the installed ones.
        on_event: is told of progress.

    Raises:
        UsageError: nothing was calibrated for the channel.
        ModelError: this is not the victim that was enrolled.
        DataError: the recipe has no test models, or the enrolments have different recipes.
    """
    recipe = enrolments[0].recipe
    same: dict[str, Any] = {"scheme": recipe.scheme, "queries": recipe.queries}  # neither changes the zoo
    if any(attrs.evolve(other.recipe, **same) != recipe for other in enrolments):
        raise DataError("the enrolments have different recipes; evaluate them one by one")
    for enrolment in enrolments:
        enrolment.require_channel(channel)
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
    return [_question(enrolment, zoo, channel, on_event) for enrolment in enrolments]


def _question(enrolment: Enrolment, zoo: Zoo, channel: str, on_event: Listener) -> Evaluation:
    suspects = []
    answers = collect_answers(zoo, enrolment.queries, on_event=on_event)
    for model, answer in zip(zoo.models, answers, strict=True):
        seen = through_channel(answer, channel)
        query = Query(lambda pixels: pixels, num_classes=seen.shape[-1], outputs="probs", address=str(model.lineage))
        query.spent = enrolment.queries.queries
        suspects.append(
            HeldOut(
                model=model,
                facts=zoo.facts(model),
                verdict=judge(enrolment, seen, query, alpha=enrolment.recipe.alpha, channel=channel),
                embeddings=enrolment.embed(seen, channel),
            )
        )
    victim = enrolment.embed(enrolment.victim_answers, channel)
    return Evaluation(enrolment=enrolment, channel=channel, suspects=tuple(suspects), victim_embeddings=victim)


def _groups(suspects: Sequence[HeldOut], relation: str) -> dict[str, list[HeldOut]]:
    """Return the models of a relation by stratum, and all of them where there is more than one stratum.

    Thefts that failed are worth nothing to the thief: they are shown apart, and are not among all of them.
    """
    groups: dict[str, list[HeldOut]] = {}
    members = [suspect for suspect in suspects if suspect.model.relation == relation]
    for suspect in (member for member in members if not member.facts.failed):
        groups.setdefault(suspect.model.stratum, []).append(suspect)
    if len(groups) > 1:
        groups[f"all {relation}"] = [suspect for suspect in members if not suspect.facts.failed]
    failed = [suspect for suspect in members if suspect.facts.failed]
    return {**groups, "failed thefts": failed} if failed else groups


def _all_of(groups: dict[str, list[HeldOut]], relation: str) -> str:
    """Return the name of the group that holds all others."""
    widest = f"all {relation}"
    return widest if widest in groups else next(iter(groups))


def _rate(kind: str, members: list[HeldOut]) -> Rate:
    accused = [member for member in members if member.verdict.verdict == DERIVED]
    families = len({member.model.family for member in members})
    hits = len({member.model.family for member in accused})
    return Rate(
        kind=kind, hits=len(accused), n=len(members), families=families, interval=clopper_pearson(hits, families)
    )


def _separation(derived: str, thieves: list[HeldOut], independent: str, others: list[HeldOut]) -> Separation:
    # models that answered with NaN have no score; they are left out, and n says so
    sides = [[item for item in side if math.isfinite(item.verdict.score)] for side in (thieves, others)]
    scores = [[item.verdict.score for item in side] for side in sides]
    area = auc(*scores) if all(scores) else math.nan
    families = [len({item.model.family for item in side}) for side in sides]
    return Separation(
        derived=derived,
        independent=independent,
        n_derived=len(sides[0]),
        n_independent=len(sides[1]),
        auc=area,
        interval=auc_interval(area, *families) if all(scores) else (0.0, 1.0),
    )
