"""`Evaluation`: what an enrolment says of held-out models whose lineage is known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from torch import Tensor

from fpframe.decision import Decision, Test, mean_of_views
from fpframe.enrolment import Enrolment
from fpframe.evaluation.counts import Rate, Separation, rate, separation
from fpframe.verification import Verdict, Yardstick
from fpframe.zoo import Facts, ZooModel


@attrs.frozen(kw_only=True, eq=False)
class HeldOut:
    """One held-out model and what was found of it.

    Attributes:
        model: its plan: lineage, relation, stratum.
        facts: its accuracy, its agreement with the victim, and whether it is a failed theft.
        verdict: what `fpframe.verify` says of it. It may be judged in a channel that reveals less than that of the
            evaluation, where its answers show no more.
        view_scores: its scores in the channel of the evaluation, also where its behaviour left it without a verdict.
        others: what other tests would have said, by test.
        embeddings: ``(V, E)``, for pictures.
        seconds: what loading and asking it took, when it was asked.
    """

    model: ZooModel
    facts: Facts
    verdict: Verdict
    view_scores: tuple[float, ...]
    others: Mapping[Test, Decision]
    embeddings: Tensor
    seconds: float

    @property
    def score(self) -> float:
        """Mean of its view scores; NaN where its behaviour left it without a verdict."""
        return mean_of_views(self.view_scores) if self.verdict.view_scores else math.nan

    def decision(self, test: Test) -> Decision:
        """Return the decision by a test."""
        return self.verdict.decision if test == "conformal" else self.others[test]


@attrs.frozen(kw_only=True, eq=False)
class Evaluation:
    """What an enrolment says of the held-out models.

    Attributes:
        enrolment: the enrolment.
        yardstick: the calibration that they were measured against.
        suspects: the held-out models.
        victim_embeddings: ``(V, E)``.
    """

    enrolment: Enrolment
    yardstick: Yardstick
    suspects: tuple[HeldOut, ...]
    victim_embeddings: Tensor

    @property
    def channel(self) -> str:
        """What the models revealed."""
        return self.yardstick.channel

    def groups(self, relation: str) -> dict[str, list[HeldOut]]:
        """Return the models of a relation by stratum; see `by_kind`."""
        return by_kind(self.suspects, relation)

    def everything(self, relation: str) -> tuple[str, list[HeldOut]]:
        """Return name and members of the group that holds all others of a relation."""
        groups = self.groups(relation)
        widest = f"all {relation}"
        name = widest if widest in groups else next(iter(groups))
        return name, groups[name]

    def separations(self) -> list[Separation]:
        """Return AUCs: each attack against all independent models, and all thefts against each kind of these.

        One attack against one stratum is left out: such pairs are many, and count a few models each.
        """
        derived, independent = self.groups("derived"), self.groups("independent")
        (thefts, _), (everybody, _) = self.everything("derived"), self.everything("independent")
        normal = [s for s in self.suspects if s.model.relation == "independent" and s.model.trained]
        if normal:
            independent = {"normally trained": normal, **independent}
        pairs = [(attack, everybody) for attack in derived if attack != thefts]
        pairs += [(thefts, stratum) for stratum in independent]
        return [separation(a, _scored(derived[a]), b, _scored(independent[b])) for a, b in pairs]

    def rates(self, test: Test = "conformal") -> list[Rate]:
        """Return how often each kind of held-out model was called derived by a test."""
        return [
            rate(kind, [(item.decision(test).verdict, item.model.family) for item in members])
            for relation in ("derived", "independent")
            for kind, members in self.groups(relation).items()
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
                    "channel_score": item.score if math.isfinite(item.score) else None,
                    **item.verdict.to_dict(),
                }
                for item in self.suspects
            ],
        }


def _scored(members: Sequence[HeldOut]) -> list[tuple[float, str]]:
    # models that answered with NaN have no score; they are left out, and n says so
    return [(item.score, item.model.family) for item in members if math.isfinite(item.score)]


def by_kind(suspects: Sequence[HeldOut], relation: str) -> dict[str, list[HeldOut]]:
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
