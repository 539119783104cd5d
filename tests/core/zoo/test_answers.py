"""Answers of a zoo: each model is asked once, and what it said is found again under the key of earlier releases."""

from __future__ import annotations

import pytest
import torch

from fpframe.base.digest import content_key, tensors_digest
from fpframe.models.queryset import QueryPart, QuerySet
from fpframe.zoo.answers import ask_models, ask_models_through, ask_once, ask_pixels, asking_seconds
from fpframe.zoo.build import build_models
from fpframe.zoo.chain import FilterChain
from fpframe.zoo.keys import model_key
from fpframe.zoo.zoo import Zoo
from smallzoo import STUDENT


@pytest.fixture
def zoo(workspace, model) -> Zoo:
    return build_models([model(f"train[{STUDENT}]"), model("finetune->round(1)")], workspace)


@pytest.fixture
def queries(digits) -> QuerySet:
    return QuerySet(
        images=digits.test.images[:6].unflatten(0, (2, 3)), parts=(QueryPart(start=0, points=3, pair=False),)
    )


@pytest.fixture
def asked(monkeypatch) -> list:
    """The models that were really asked."""
    asked, query = [], Zoo.query
    monkeypatch.setattr(Zoo, "query", lambda zoo, model: asked.append(model) or query(zoo, model))
    return asked


def test_a_model_is_asked_once_and_later_runs_find_what_it_said(zoo, queries, asked):
    first = ask_models(zoo, queries, keep=True)
    assert [answers.shape for answers in first] == [(2, 3, 10)] * 2
    assert asked == list(zoo.models)
    again = ask_models(zoo, queries, models=zoo.models[::-1], keep=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(first, again[::-1], strict=True))
    assert len(asked) == 2
    ask_models(zoo, queries)
    assert len(asked) == 4


def test_other_queries_other_views_and_filters_are_asked_anew(zoo, queries, asked, registry):
    images, parts = queries.images, queries.parts
    chain = FilterChain.parse("flip(0.5)", registry)
    ask_models(zoo, queries, keep=True)
    ask_models(zoo, QuerySet(images=images.flip(0), parts=parts), keep=True)
    ask_models(zoo, QuerySet(images=images[:1], parts=parts), keep=True)
    through = ask_models_through(zoo, queries, [chain], keep=True)
    assert len(asked) == 8
    assert through.keys() == {"flip(0.5)"}
    assert through["flip(0.5)"].shape == (2, 2, 3, 10)
    assert torch.equal(ask_models_through(zoo, queries, [chain], keep=True)["flip(0.5)"], through["flip(0.5)"])
    assert len(asked) == 8


def test_a_filter_draws_other_noise_for_each_model_and_the_same_in_each_run(zoo, queries, registry):
    chain = FilterChain.parse("answer-noise(0.3)", registry)
    twice = Zoo((zoo.models[0], zoo.models[0]), zoo.workspace)
    same = ask_models(twice, queries, through=chain)
    assert torch.equal(same[0], same[1])
    noise = [
        through - plain
        for through, plain in zip(ask_models(zoo, queries, through=chain), ask_models(zoo, queries), strict=True)
    ]
    assert not torch.allclose(noise[0], noise[1], atol=1e-3)


def test_how_long_asking_took_is_known_of_models_that_were_asked(zoo, queries):
    assert asking_seconds(zoo, queries, zoo.models) == [0, 0]
    ask_models(zoo, queries, models=zoo.models[:1], keep=True)
    first, second = asking_seconds(zoo, queries, zoo.models)
    assert first > 0 == second


def test_pixels_are_kept_by_purpose(zoo, digits, asked):
    pixels = digits.test.pixels[:5] * 0.3333
    first = ask_pixels(zoo, zoo.models, pixels, purpose="a method")
    assert [answer.found for answer in first] == [False, False]
    again = ask_pixels(zoo, zoo.models, pixels, purpose="a method")
    assert [answer.found for answer in again] == [True, True]
    assert [answer.seconds for answer in again] == pytest.approx([answer.seconds for answer in first])
    ask_pixels(zoo, zoo.models, pixels, purpose="an experiment")
    assert len(asked) == 4


def test_whatever_is_learned_from_a_model_can_be_kept(zoo):
    """Another kind of answers, such as a whole conversation, brings its own name and its own question."""
    said = {"first": torch.ones(2), "second": torch.zeros(1)}
    kept = ask_once(zoo, zoo.models[0], lambda query: said, kind=("talks", "1"), asked=["hello"])
    assert not kept.found
    found = ask_once(zoo, zoo.models[0], lambda query: {}, kind=("talks", "1"), asked=["hello"])
    assert found.found
    assert torch.equal(found.tensors["first"], said["first"])
    for kind, asked in ((("talks", "2"), ["hello"]), (("talks", "1"), ["bye"])):
        assert not ask_once(zoo, zoo.models[0], lambda query: said, kind=kind, asked=asked).found


def test_answers_that_earlier_releases_stored_are_found(zoo, queries, digits, registry):
    """Written out here: a store holds weeks of work, and a change of a key would lose it without a word."""
    first, pixels = zoo.models[0], digits.test.pixels[:4]
    chain = FilterChain.parse("flip(0.5)", registry)
    ask_models(zoo, queries, keep=True)
    ask_models(zoo, queries, through=chain, keep=True)
    ask_pixels(zoo, [first], pixels, purpose="a method")
    ask_pixels(zoo, [first], pixels, purpose="an experiment")
    key, digest = model_key(first, zoo.workspace), tensors_digest({"pixels": pixels})
    for identity in (
        ["answers", "1", key, queries.digest, "2", ""],
        ["answers", "1", key, queries.digest, "2", "flip(0.5)"],
        ["answers to a method", key, digest],
        ["answers to an experiment", key, digest],
    ):
        assert zoo.workspace.store.has(content_key(["remembered", *identity])), identity
