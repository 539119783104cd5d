"""What a plugin may offer, and with which words everything else is refused."""

from __future__ import annotations

import types
from typing import ClassVar

import attrs
import pytest
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


@pytest.mark.parametrize("offer", [nn.Linear, Quiet(), "quiet"])
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
