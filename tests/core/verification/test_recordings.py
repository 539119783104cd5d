"""Models of a zoo are asked like suspects once, and what they say is found again in every channel."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np
import pytest
import torch

import fpframe
from fpframe import hookimpl
from fpframe.enrolment.enrolment import Enrolment
from fpframe.errors import UsageError
from fpframe.interfaces.filter import AnswerFilter
from fpframe.models import QuerySet
from fpframe.registry.registry import Registry
from fpframe.verification.recordings import keep_recordings, recording_of
from fpframe.zoo.lineage import Lineage, answers_vary
from fpframe.zoo.zoo import Zoo
from tiny import copy_store

CHANNELS = ("probs", "rounded:2", "rounded:1", "top1")


@attrs.frozen(kw_only=True)
class Alert(AnswerFilter):
    """A filter of another package that looks for itself, and asks black images to find out."""

    name: ClassVar[str] = "alert"  # before the others, which find themselves and end the search

    def wrap(self, query, *, seed):
        return query

    @classmethod
    def detect(cls, probe):
        probe.ask(torch.zeros_like(probe.pixels))


@attrs.frozen(kw_only=True)
class Silent(AnswerFilter):
    """A filter of another package that does not look for itself."""

    name: ClassVar[str] = "silent"

    def wrap(self, query, *, seed):
        return query


@pytest.fixture(scope="module")
def enrolment(tiny_enrolment) -> Enrolment:
    return Enrolment.open(tiny_enrolment)


@pytest.fixture
def zoo(tiny_store, tmp_path) -> Zoo:
    """A fine-tuned copy of the victim by itself, behind a rounding, and behind noise; the store is the test's own."""
    copy_store(tiny_store, tmp_path / "store")
    plan = fpframe.plan_zoo("tiny", run=fpframe.Run(store=tmp_path / "store"), splits=("test",))
    copy = next(model for model in plan.models if model.stratum == "finetune(all)")
    behind = [
        attrs.evolve(copy, lineage=copy.lineage.then(*Lineage.parse(text, plan.workspace.registry).steps[1:]))
        for text in ("round(2)", "answer-noise(0.1)", "flip(0.5)")
    ]
    return Zoo((copy, *behind), plan.build().workspace)


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """The lineages of the models that were opened to be asked, in order."""
    asked, query = [], Zoo.query

    def opening(zoo, model):
        asked.append(model.lineage.last.name)
        return query(zoo, model)

    monkeypatch.setattr(Zoo, "query", opening)
    return asked


@pytest.fixture
def unasked(enrolment) -> QuerySet:
    """Queries of which no other test keeps recordings in the store that these tests start from."""
    return attrs.evolve(enrolment.queries, images=255 - enrolment.queries.images)


def with_filters(zoo: Zoo, *filters: type[AnswerFilter]) -> Zoo:
    """Return the same models where further filters are installed."""
    registry, kinds = zoo.workspace.registry, ("attack", "backbone", "dataset", "filter")
    components = [registry.get(kind, name) for kind in kinds for name in registry.names(kind)]
    plugin = type("plugin", (), {"fpframe_components": staticmethod(hookimpl(lambda: [*components, *filters]))})
    return Zoo(zoo.models, attrs.evolve(zoo.workspace, registry=Registry([plugin])))


def test_a_model_that_always_answers_alike_is_asked_once_for_all_channels(zoo, unasked, opened):
    keep_recordings(Zoo(zoo.models[:2], zoo.workspace), unasked, unasked.images[0], CHANNELS)
    assert opened == ["finetune", "round"]
    keep_recordings(Zoo(zoo.models[:2], zoo.workspace), unasked, unasked.images[0], CHANNELS)
    assert opened == ["finetune", "round"], "and never again"


def test_a_model_that_answers_by_chance_is_asked_once_in_each_channel(zoo, unasked, opened):
    for _ in range(2):
        keep_recordings(Zoo(zoo.models[2:], zoo.workspace), unasked, unasked.images[0], ("probs", "top1"))
        assert opened == ["answer-noise", "answer-noise", "flip", "flip"]


def test_what_is_kept_is_what_a_verification_asks_and_hears(zoo, enrolment):
    for model in zoo.models:
        said = recording_of(zoo, model, enrolment.queries, enrolment.able, "probs")
        live = fpframe.verify(enrolment, zoo.query(model)).transcript
        assert np.array_equal(live.images, said.images.numpy())
        assert np.array_equal(live.answers, said.answers.numpy())


@pytest.mark.parametrize("channel", CHANNELS)
def test_the_views_are_the_answers_to_the_queries_in_the_channel(zoo, enrolment, channel):
    model = zoo.models[0]
    views = recording_of(zoo, model, enrolment.queries, enrolment.able, channel).views
    assert views.shape == enrolment.victim_answers.shape
    assert torch.equal(views, fpframe.through_channel(fpframe.ask(zoo.query(model), enrolment.queries), channel))


def test_the_suspect_answers_as_often_as_it_is_opened_and_says_nothing_of_being_recorded(zoo, enrolment):
    said = recording_of(zoo, zoo.models[2], enrolment.queries, enrolment.able, "probs")
    first, second = (fpframe.verify(enrolment, said.suspect()) for _ in range(2))
    assert first.to_dict() == second.to_dict()
    assert first.caveats == fpframe.verify(enrolment, zoo.query(zoo.models[2])).caveats
    assert first.suspect == {"address": "victim->finetune(all)->answer-noise(0.1)", "digest": ""}


def test_a_new_filter_that_looks_for_itself_has_models_asked_again_that_answer_by_chance(zoo, enrolment, opened):
    queries = enrolment.queries
    keep_recordings(zoo, queries, enrolment.able, ("probs",))
    before = len(recording_of(zoo, zoo.models[2], queries, enrolment.able, "probs").answers)
    del opened[:]
    keep_recordings(with_filters(zoo, Silent), queries, enrolment.able, ("probs",))
    assert opened == []
    keep_recordings(with_filters(zoo, Alert), queries, enrolment.able, ("probs",))
    assert opened == ["answer-noise", "flip"]
    assert (
        len(recording_of(with_filters(zoo, Alert), zoo.models[2], queries, enrolment.able, "probs").answers)
        == before + 16
    )


def test_an_unknown_channel_is_refused(zoo, enrolment):
    with pytest.raises(UsageError, match="unknown channel 'half'"):
        recording_of(zoo, zoo.models[0], enrolment.queries, enrolment.able, "half")


@pytest.mark.parametrize(
    ("lineage", "varies"),
    [
        ("victim", False),
        ("train[paper:arc-a]", False),
        ("finetune(all)", False),
        ("jpeg(50)->round(2)", False),
        ("flip(1.0)", False),
        ("flip(0.5)", True),
        ("answer-noise(0.1)->round(2)", True),
        ("round(2)->input-noise(0.1)", True),
        ("answer-noise(0.1)->extract(soft)[paper:arc-a]", False),
        ("answer-noise(0.1)->extract(soft)[paper:arc-a]->top1", False),
    ],
)
def test_only_a_model_behind_a_filter_of_chance_varies(registry, lineage, varies):
    assert answers_vary(Lineage.parse(lineage, registry), registry) is varies
