"""What a plugin may offer, and with which words everything else is refused."""

from __future__ import annotations

import types
from typing import ClassVar

import attrs
import numpy as np
import pluggy
import pytest
import torch
from torch import nn

import fpframe
from core.registry.offering import Quiet, module, the_error
from fpframe import AnswerFilter, Component, Registry, hookimpl


def test_a_misspelt_hook_is_an_error_and_not_silence():
    made = types.ModuleType("misspelt")
    made.fpframe_component = hookimpl(lambda: [Quiet], specname="fpframe_component")
    assert (
        the_error(made) == "it implements 'fpframe_component', which is not a hook; did you mean 'fpframe_components'?"
    )


def test_a_hook_with_arguments_is_told_on_one_line():
    made = types.ModuleType("eager")
    made.fpframe_components = hookimpl(lambda registry: [Quiet], specname="fpframe_components")
    assert the_error(made) == "its fpframe_components takes registry; write def fpframe_components() without arguments"


def test_a_plugin_that_forgets_the_decorator_is_an_error_and_not_silence():
    made = types.ModuleType("undecorated")
    made.fpframe_components = lambda: [Quiet]
    assert "it implements no hook; decorate its fpframe_components with @fpframe.hookimpl" in the_error(made)


def test_an_abstract_method_that_is_left_out_is_named():
    @attrs.frozen(kw_only=True)
    class Unfinished(AnswerFilter):
        name: ClassVar[str] = "unfinished"

    assert the_error(module("p", components=[Unfinished])) == "Unfinished lacks wrap"


@pytest.mark.parametrize(
    ("needed", "reason"),
    [
        (fpframe.PLUGIN_API + 1, f"it needs plugin API {fpframe.PLUGIN_API + 1}, and this fpframe has"),
        ("1", "its fpframe_api is '1'; write the whole number"),
        (0, "its fpframe_api is 0; write the whole number"),
    ],
)
def test_a_plugin_for_another_plugin_api_is_refused(needed, reason):
    made = module()
    made.fpframe_api = needed
    assert reason in the_error(made)


def test_a_plugin_may_say_that_this_plugin_api_is_enough():
    made = module()
    made.fpframe_api = fpframe.PLUGIN_API
    assert Registry([made]).plugins[0].error is None


def test_a_deprecated_component_warns_with_what_to_use_and_works():
    @attrs.frozen(kw_only=True)
    class Old(Quiet):
        """An old name of `quiet`."""

        name: ClassVar[str] = "hushed"
        deprecated: ClassVar[str] = "use 'quiet'; 'hushed' goes with 0.3"

    with pytest.warns(fpframe.FpframeDeprecationWarning, match="filter 'hushed' is deprecated: use 'quiet'; 'hushed'"):
        assert Registry([module(components=[Old])]).create("filter", "hushed", strength=0.1).strength == 0.1


def test_a_component_that_is_no_attrs_class_is_refused():
    class Plain(AnswerFilter):
        name = "plain"

        def wrap(self, query, *, seed):
            return query

    assert "Plain is not an attrs class; decorate it" in the_error(module("p", components=[Plain]))


def test_a_component_without_a_name_is_refused():
    @attrs.frozen(kw_only=True)
    class Nameless(AnswerFilter):
        def wrap(self, query, *, seed):
            return query

    assert "Nameless has no name; give the class an attribute 'name'" in the_error(module("p", components=[Nameless]))


def test_a_component_that_implements_no_interface_is_refused():
    @attrs.frozen(kw_only=True)
    class Stray(Component):
        name: ClassVar[str] = "stray"

    assert "Stray is of no known kind; derive it from one of" in the_error(module("p", components=[Stray]))


def test_a_component_that_cannot_be_made_without_parameters_is_refused():
    @attrs.frozen(kw_only=True)
    class Demanding(AnswerFilter):
        name: ClassVar[str] = "demanding"
        strength: float

        def wrap(self, query, *, seed):
            return query

    assert the_error(module("p", components=[Demanding])) == "'strength' of Demanding has no default; give it one"


def test_a_field_of_a_class_without_the_decorator_is_noticed():
    class Deeper(Quiet):
        """Another filter."""

        name: ClassVar[str] = "deeper"
        depth: int = 3

    assert the_error(module("p", components=[Deeper])) == (
        "Deeper declares depth; decorate it with @attrs.frozen(kw_only=True)"
    )


@pytest.mark.parametrize("returned", [None, Quiet, "quiet"])
def test_a_hook_that_returns_no_list_is_told(returned):
    made = types.ModuleType("careless")
    made.fpframe_components = hookimpl(lambda: returned, specname="fpframe_components")
    assert the_error(made) == f"its fpframe_components returns {returned!r}; return a list"


def test_a_hook_that_yields_is_told():
    made = types.ModuleType("yielding")

    @hookimpl
    def fpframe_components():
        yield Quiet

    made.fpframe_components = fpframe_components
    assert the_error(made) == "its fpframe_components is a generator; return a list instead of yielding"


@pytest.mark.parametrize("options", [{"wrapper": True}, {"hookwrapper": True}])
def test_a_wrapper_has_nothing_to_wrap(options):
    made = types.ModuleType("wrapping")

    @hookimpl(**options)
    def fpframe_components():
        return (yield)

    made.fpframe_components = fpframe_components
    assert "its fpframe_components is a wrapper, and there is nothing to wrap" in the_error(made)


@pytest.mark.parametrize("options", [{"tryfirst": True}, {"trylast": True}, {"specname": "fpframe_components"}])
def test_what_pluggy_knows_of_order_and_names_changes_nothing(options):
    made = types.ModuleType("late")
    made.fpframe_components = hookimpl(lambda: (Quiet,), **{"specname": "fpframe_components", **options})
    assert Registry([made]).plugins[0].components == (("filter", "quiet"),)


def test_a_marker_of_ones_own_is_as_good_as_fpframes_and_that_of_another_project_is_none():
    own, others = types.ModuleType("own"), types.ModuleType("others")
    own.fpframe_components = pluggy.HookimplMarker("fpframe")(lambda: [Quiet], specname="fpframe_components")
    others.fpframe_components = pluggy.HookimplMarker("pytest")(lambda: [Quiet], specname="fpframe_components")
    assert Registry([own]).plugins[0].components == (("filter", "quiet"),)
    assert "it implements no hook; decorate its fpframe_components" in the_error(others)


def test_an_object_in_place_of_its_class_is_told():
    assert (
        the_error(module("p", components=[Quiet()]))
        == "Quiet(strength=0.5) is an object; return its class Quiet itself"
    )


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (torch.ones(3), "a tensor"),
        (nn.Parameter(torch.ones(3)), "a tensor"),
        (np.ones(3), "an array"),
        (np.float32(1), "a scalar of numpy"),
        (nn.Identity(), "a network"),
        ([1, torch.ones(3)], "a tensor"),
        ({"inner": (np.ones(3),)}, "an array"),
    ],
)
@pytest.mark.parametrize("by", ["value", "factory"])
def test_a_parameter_that_is_no_plain_data_is_refused_by_name(value, kind, by):
    @attrs.frozen(kw_only=True)
    class Weighty(Quiet):
        """A filter with weights."""

        name: ClassVar[str] = "weighty"
        weights: object = attrs.field(factory=lambda: value) if by == "factory" else value

    assert f"'weights' of Weighty is {kind} by default, and parameters are plain data; give it" in the_error(
        module("p", components=[Weighty])
    )


def test_a_list_of_numbers_may_be_a_parameter():
    @attrs.frozen(kw_only=True)
    class Listing(Quiet):
        """A filter with a list."""

        name: ClassVar[str] = "listing"
        layers: list[int] = attrs.field(factory=lambda: [1, 2])

    assert Registry([module("p", components=[Listing])]).create("filter", "listing").layers == [1, 2]


@pytest.mark.parametrize("offer", [nn.Linear, "quiet"])
def test_what_is_no_component_class_is_refused(offer):
    assert "is not a component class" in the_error(module("p", components=[offer]))


def test_what_is_no_scheme_is_refused():
    assert "is not a Scheme" in the_error(module("p", components=None, schemes=["plain"]))


@pytest.mark.parametrize("raised", [RuntimeError("no\nluck"), SystemExit("bye")])
def test_a_plugin_that_raises_in_its_hook_is_left_out_with_its_reason(raised):
    made = types.ModuleType("raising")

    @hookimpl
    def fpframe_components():
        raise raised

    made.fpframe_components = fpframe_components
    assert the_error(made) == f"{type(raised).__name__}: {str(raised).splitlines()[0]}"


def test_a_plugin_that_offers_one_name_twice_is_refused():
    assert the_error(module("p", components=[Quiet, Quiet])) == "it offers filter quiet twice"


def test_one_broken_component_leaves_out_the_whole_plugin():
    assert "is not a component class" in the_error(module("p", components=[Quiet, 3]))
