"""Strata: one record each, from which models are planned; and those of plugins, from the plan to the report."""

from __future__ import annotations

import attrs
import pytest
import torch

import fpframe
from fpframe.errors import ParameterError, PluginError, RecipeError, UsageError
from fpframe.interfaces.stratum import Stratum
from fpframe.recipe.recipe import DerivedGroup, IndependentGroup, Recipe
from fpframe.registry.registry import Plugin, Registry
from fpframe.registry.strata import STRATA, built_in_stratum
from fpframe.report.verdict.page import BROUGHT, UNKNOWN, verdict_html
from fpframe.zoo.planner import plan_models
from fpframe.zoo.strata import find_stratum

HALVED = Stratum(
    name="halved",
    models="independent models, stored in half precision",
    protects="somebody who saves memory",
    made="attacked",
    sources=("same-data",),
    steps="quantize(fp16)",
)
DISTILLED = attrs.evolve(
    HALVED, name="distilled", models="students of their owner's own models", made="taught", steps="extract(soft)"
)
HONEST = attrs.evolve(HALVED, name="honest", made="imitating", sources=(), steps="extract(soft)")
OTHER_IMAGES = attrs.evolve(HALVED, name="other-images", made="trained", sources=(), steps="", data="pool")


class Strata:
    """A plugin that offers strata."""

    def __init__(self, *strata: object) -> None:
        self.strata = list(strata)

    @fpframe.hookimpl
    def fpframe_strata(self) -> list[object]:
        return self.strata


def registry_with(*strata: object) -> Registry:
    return fpframe.load_registry(extra=[Strata(*strata)])


def recipe_of(*strata: str, **counts: int) -> Recipe:
    groups = [IndependentGroup(stratum=name, **counts, backbones=("a:1", "a:2")) for name in strata]
    return Recipe(name="mine", independent=tuple(groups), derived=(DerivedGroup(attack="prune", fit=1),))


# --- the records


def test_every_stratum_that_is_made_from_others_names_strata_that_are_trained():
    for stratum in STRATA.values():
        assert all(STRATA[name].made == "trained" for name in stratum.sources)
    assert list(STRATA) == [stratum.name for stratum in STRATA.values()]


def test_what_a_report_says_is_in_the_record():
    assert STRATA["same-data"].summary == (
        "the victim's architecture and data, another seed; protects a competitor who did the same work"
    )


def test_a_fraction_of_the_victims_images_is_a_stratum_of_its_own():
    found = built_in_stratum("overlap(0.25)")
    assert (found.name, found.made, found.data) == ("overlap(0.25)", "trained", "overlap:0.25")
    assert built_in_stratum("overlap(2)") is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "My Stratum"}, "'name' of a stratum must be like my-stratum .*; use a-z, 0-9 and hyphens"),
        ({"models": "Two\nlines"}, "'models' of stratum 'halved' must be a few words on one line"),
        ({"protects": "everybody."}, "'protects' of stratum 'halved' must be .* without a full stop"),
        ({"made": "stolen"}, "'made' of 'halved' must be one of trained, taught, imitating, attacked"),
        ({"sources": ()}, "'sources' of stratum 'halved' must be given where models are 'attacked'"),
        ({"data": "thief"}, "'data' of stratum 'halved' must be empty where models are 'attacked'"),
        ({"made": "trained", "sources": (), "data": "thief"}, "'steps' of stratum 'halved' must be empty"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(changes, message):
    with pytest.raises(ParameterError, match=message):
        attrs.evolve(HALVED, **changes)


# --- those of plugins


def test_an_unknown_stratum_is_refused_with_the_key_of_the_recipe(registry):
    with pytest.raises(RecipeError, match=r"'same-dat'; did you mean 'same-data'\? \(independent.1.stratum of recipe"):
        plan_models(recipe_of("same-data", "same-dat", fit=1), registry)
    with pytest.raises(UsageError, match=r"unknown stratum 'halfed'; did you mean 'halved'\?"):
        plan_models(recipe_of("same-data", fit=1), registry_with(HALVED), without=["halfed"])


def test_a_plugin_cannot_change_what_a_stratum_of_fpframe_is():
    registry = registry_with(attrs.evolve(HALVED, name="same-data"))
    with pytest.raises(PluginError, match=r"'same-data' is fpframe's own, and plugin 'Strata' offers another"):
        find_stratum("same-data", registry)
    assert find_stratum("attacked", registry) == STRATA["attacked"]


def test_two_plugins_with_one_stratum_are_told_apart_by_a_pin():
    one, two = (Plugin(name=n, module=Strata(HALVED), distribution=f"pack-{n}", version="1") for n in ("one", "two"))
    with pytest.raises(PluginError, match=r"stratum 'halved' is offered by 'one' of pack-one 1 and by 'two'"):
        find_stratum("halved", Registry([one, two]))
    assert find_stratum("halved", Registry([one, two], pinned=["pack-two:halved"])) == HALVED


def test_what_is_no_stratum_makes_the_plugin_fail_alone():
    registry = registry_with({"name": "halved"})
    assert [info.error for info in registry.plugins if info.name == "Strata"] == [
        "{'name': 'halved'} is not a Stratum; make it with fpframe.Stratum(...)"
    ]
    assert registry.names("attack")


@pytest.mark.parametrize(
    ("stratum", "lineages"),
    [
        (OTHER_IMAGES, ["train[a:1, data=pool]", "train[a:2, data=pool]"]),
        (HALVED, ["train[a:1]->quantize(fp16)", "train[a:2]->quantize(fp16)"]),
        (DISTILLED, ["train[a:1]->extract(soft)[a:1]", "train[a:2]->extract(soft)[a:2]"]),
        (HONEST, ["labels->extract(soft)[a:1]", "labels->extract(soft)[a:2]"]),
    ],
    ids=lambda value: getattr(value, "made", ""),
)
def test_models_of_a_plugins_stratum_are_planned_in_each_way(stratum, lineages):
    registry = registry_with(stratum)
    models = plan_models(recipe_of("same-data", stratum.name, calibrate=2), registry)
    mine = [model for model in models if model.stratum == stratum.name]
    assert [str(model.lineage) for model in mine] == lineages
    assert {(model.split, model.relation) for model in mine} == {("calibrate", "independent")}
    assert len({model.lineage.exact for model in mine}) == len({model.family for model in mine}) == 2
    if stratum.sources:  # a model never stands in another split than what it was made from
        assert {model.family for model in mine} <= {model.family for model in models if model.stratum == "same-data"}
    left = plan_models(RECIPES[stratum.name], registry, without=[stratum.name])
    assert stratum.name not in {model.stratum for model in left}


RECIPES = {s.name: recipe_of("same-data", s.name, fit=1) for s in (OTHER_IMAGES, HALVED, DISTILLED, HONEST)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": "extract(soft)"}, r"the steps of stratum 'halved' \(extract\(soft\)\) make no 'attacked' models"),
        ({"steps": "quantise"}, "the steps of stratum 'halved' cannot be used: unknown attack or filter 'quantise'"),
        ({"sources": ("thief-recipe",)}, "wants halved models but has no thief-recipe models"),
    ],
)
def test_a_stratum_whose_models_cannot_be_planned_is_refused_before_anything_is_trained(changes, message):
    with pytest.raises(UsageError, match=message):
        plan_models(RECIPES["halved"], registry_with(attrs.evolve(HALVED, **changes)))


@pytest.mark.slow
def test_a_plugins_stratum_goes_from_the_plan_to_the_report(tiny_store):
    """Its models are planned, built, calibrated, and named in the verdict and on its page."""
    registry, tiny = registry_with(HALVED), Recipe.load("tiny")
    groups = [group for group in tiny.independent if group.stratum == "same-data"]
    recipe = attrs.evolve(
        tiny, channels=("probs",), independent=(*groups, IndependentGroup(stratum="halved", calibrate=9))
    )
    told: list[str] = []
    run = fpframe.Run(registry=registry, store=tiny_store, on_event=lambda event: told.append(event.text))
    enrolment = fpframe.enroll(recipe=recipe, run=run)
    assert any("9 halved (calibrate)" in text for text in told)
    assert enrolment.calibration.counts == {"halved": 9, "same-data": 9}
    same, halved = (enrolment.strata("probs")[name].scores for name in ("same-data", "halved"))
    assert sorted(halved) == pytest.approx(sorted(same), abs=1e-3), "what is stored in half precision answers alike"

    def suspect(pixels: torch.Tensor) -> torch.Tensor:
        return enrolment.victim_answers[0, 0].expand(len(pixels), -1)

    verdict = fpframe.verify(enrolment, fpframe.Query(suspect, num_classes=10, outputs="probs"), registry=registry)
    assert "halved" in verdict.decision.strata
    assert any("halved, same-data" in str(caveat) for caveat in verdict.caveats)
    assert HALVED.summary in verdict_html([verdict], enrolment, registry=registry)
    elsewhere = verdict_html([verdict], enrolment, registry=fpframe.load_registry())
    assert UNKNOWN in elsewhere
    assert BROUGHT not in elsewhere
