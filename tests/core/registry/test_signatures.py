"""Methods are called as their interface says, or are refused with how to write them."""

from __future__ import annotations

import attrs
import pytest

import fpframe
from core.registry.offering import Quiet, module, the_error
from fpframe import AnswerFilter, Registry


@pytest.mark.parametrize(
    "wrap",
    [
        lambda self, query: query,
        lambda self, query, seed, more: query,
        lambda self, *, seed: seed,
        lambda self, *, query, seed: query,
        lambda query, *, seed: query,
    ],
)
def test_a_method_that_cannot_be_called_as_its_interface_says_is_shown_how_to_be_written(wrap):
    cls = attrs.frozen(kw_only=True)(type("Odd", (AnswerFilter,), {"name": "odd", "wrap": wrap}))
    assert the_error(module("p", components=[cls])) == (
        "Odd.wrap has a wrong signature; write def wrap(self, query, *, seed)"
    )


@pytest.mark.parametrize(
    "wrap",
    [
        lambda self, query, *, seed: query,
        lambda self, query, seed: query,
        lambda self, asked, *, seed, extra=1: asked,
        lambda self, *args, **kwargs: args[0],
    ],
)
def test_a_method_that_can_be_called_as_its_interface_says_may_be_written_otherwise(wrap):
    cls = attrs.frozen(kw_only=True)(type("Odd", (AnswerFilter,), {"name": "odd", "wrap": wrap}))
    assert Registry([module(components=[cls])]).plugins[0].error is None


def test_parameters_in_another_order_are_a_wrong_signature():
    def choose(self, pool, model, labels, *, points, views, references, seed):
        return pool

    cls = attrs.frozen(kw_only=True)(type("Odd", (fpframe.Augmenter,), {"name": "odd", "choose": choose}))
    assert "Odd.choose has a wrong signature; write def choose(self, model, pool, labels, *, points," in the_error(
        module("p", components=[cls])
    )


def test_an_optional_class_method_is_checked_too():
    cls = attrs.frozen(kw_only=True)(type("Odd", (Quiet,), {"name": "odd", "detect": classmethod(lambda cls: None)}))
    assert the_error(module("p", components=[cls])) == (
        "Odd.detect has a wrong signature; write def detect(cls, probe)"
    )
