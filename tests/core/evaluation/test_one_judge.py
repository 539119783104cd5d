"""One judge: what an evaluation says of a model is what `verify` says of it, live, whatever stands before the model."""

from __future__ import annotations

from typing import ClassVar

import attrs
import pytest

import fpframe
from fpframe import hookimpl
from fpframe.base.digest import without_nan
from fpframe.decision.outcome import Decision
from fpframe.enrolment.enrolment import Enrolment
from fpframe.evaluation.evaluate_models import evaluate_zoo
from fpframe.interfaces.filter import AnswerFilter, FilteredQuery
from fpframe.models.query import Query
from fpframe.registry.registry import Registry
from fpframe.verification.verdict import Verdict
from fpframe.zoo.lineage import Lineage, answers_vary
from fpframe.zoo.zoo import Zoo

CHANNELS = ("probs", "top1")
#: What stands before a model: every filter that there is, some that draw by chance, and classes in another order.
BEHIND = (
    *("answer-noise(0.05)", "answer-noise(0.2)", "input-noise(0.1)", "flip(1.0)", "flip(0.5)", "round(1)", "round(2)"),
    *(
        "temperature(2.0)",
        "top1",
        "jpeg(50)",
        "permute(1)",
        "flip(0.5)->answer-noise(0.05)",
        "answer-noise(0.05)->round(2)",
    ),
)


@attrs.frozen(kw_only=True)
class Permute(AnswerFilter):
    """Answer with the classes in another order."""

    name: ClassVar[str] = "permute"
    by: int = 1

    @property
    def deterministic(self) -> bool:
        return True

    def wrap(self, query, *, seed):
        return FilteredQuery(query, self, answers=lambda answers: answers.roll(self.by, 1))


@pytest.fixture(scope="module")
def with_permute(registry) -> Registry:
    """The installed components and the filter `permute`."""
    kinds = ("attack", "backbone", "dataset", "filter", "encoder")
    components = [registry.get(kind, name) for kind in kinds for name in registry.names(kind)]
    plugin = type("plugin", (), {"fpframe_components": staticmethod(hookimpl(lambda: [*components, Permute]))})
    return Registry([plugin])


@pytest.fixture(scope="module")
def enrolment(tiny_enrolment) -> Enrolment:
    return Enrolment.open(tiny_enrolment)


@pytest.fixture(scope="module")
def everything(tiny_store, with_permute) -> Zoo:
    """All models of `tiny`, of every split."""
    return fpframe.plan_zoo("tiny", run=fpframe.Run(store=tiny_store, registry=with_permute)).build()


@pytest.fixture(scope="module")
def behind(everything, with_permute) -> Zoo:
    """A copy, a student and an independent model, each behind each of the filters."""
    wanted = ("finetune(all)", "extract-noise(soft)", "other-teacher")
    chosen = {model.stratum: model for model in reversed(everything.of("test")) if model.stratum in wanted}
    models = []
    for model in chosen.values():
        for text in BEHIND:
            steps = Lineage.parse(text, with_permute).steps[1:]
            models.append(attrs.evolve(model, lineage=model.lineage.then(*steps), stratum=text))
    assert len(models) == 3 * len(BEHIND)
    return Zoo(tuple(models), everything.workspace)


def in_channel(query: Query, channel: str) -> Query:
    """Return the model as somebody gives access to it who reveals no more."""
    if channel == "probs":
        return query
    return Query(lambda pixels: query(pixels).argmax(1), num_classes=10, outputs="labels", batch_size=query.batch_size)


def said(verdict: Verdict) -> dict[str, object]:
    """Return everything that a verdict says, but for how the suspect was opened."""
    return {**verdict.to_dict(), "settings": None, "suspect": None}


def outcome(decision: Decision) -> dict[str, object]:
    """Return everything that a decision says; NaN becomes ``None``, for it equals nothing."""
    return without_nan(attrs.asdict(decision))


def require_same_verdicts(enrolment: Enrolment, zoo: Zoo) -> list[Verdict]:
    """Require the verdicts of an evaluation to be those of `verify`, model by model, and return them."""
    found = []
    for evaluation in evaluate_zoo(enrolment, zoo, CHANNELS):
        for item in evaluation.suspects:
            live = in_channel(zoo.query(item.model), evaluation.channel)
            verdict = fpframe.verify(enrolment, live, registry=zoo.workspace.registry)
            assert said(item.verdict) == said(verdict), (evaluation.channel, str(item.model.lineage))
            found.append(verdict)
    return found


@pytest.mark.slow
def test_every_held_out_model_of_tiny_gets_the_verdict_that_verify_gives(enrolment, everything):
    held_out = Zoo(tuple(everything.of("test")), everything.workspace)
    verdicts = require_same_verdicts(enrolment, held_out)
    assert len(verdicts) == 2 * len(held_out.models) > 50
    assert {"DERIVED", "NOT_SHOWN"} <= {verdict.verdict for verdict in verdicts}


@pytest.mark.slow
def test_every_model_of_tiny_gets_the_verdict_that_verify_gives(enrolment, everything):
    verdicts = require_same_verdicts(enrolment, everything)
    assert len(verdicts) == 2 * 122
    assert {verdict.verdict for verdict in verdicts} == {"DERIVED", "NOT_SHOWN", "INCONCLUSIVE"}


@pytest.mark.slow
def test_every_model_behind_a_filter_gets_the_verdict_that_verify_gives(enrolment, behind):
    verdicts = require_same_verdicts(enrolment, behind)
    assert {verdict.verdict for verdict in verdicts} == {"DERIVED", "NOT_SHOWN", "INCONCLUSIVE"}
    through = {verdict.through.partition("(")[0] for verdict in verdicts}
    assert through == {"", "answer-noise"}, "noise is found"
    assert {"rounded:1", "rounded:2", "top1", "probs"} == {verdict.channel for verdict in verdicts}
    reasons = {verdict.decision.reason.code for verdict in verdicts if verdict.decision.reason is not None}
    assert {"filter-not-calibrated", "classes-in-another-order", "views-disagree"} <= reasons


@pytest.mark.slow
def test_stopping_early_gives_the_verdict_that_verify_gives(enrolment, behind):
    some = Zoo(behind.models[::2], behind.workspace)  # an odd number of filters: each stands before one or two models
    [evaluation] = evaluate_zoo(enrolment, some, ["probs"], tests=("sequential",))
    for item in evaluation.suspects:
        live = fpframe.verify(
            enrolment, behind.query(item.model), test="sequential", registry=behind.workspace.registry
        )
        if answers_vary(item.model.lineage, behind.workspace.registry):
            # noise is drawn in the order of asking, and an early stop asks the probes earlier than the record did
            assert {item.decision("sequential").verdict, live.verdict} != {"DERIVED", "NOT_SHOWN"}
        else:
            assert outcome(item.decision("sequential")) == outcome(live.decision), str(item.model.lineage)
